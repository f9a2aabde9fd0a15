// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * report.c -- judge rows and print them as they come
 *
 * A miss of a time counts as slow, of anything else (bytes, lines, extents) as
 * missed: the first depends on the machine and its other load, the second does not.
 */
#include "bench/report.h"

#include <stdio.h>
#include <string.h>

#include "pm/probe.h"

static const char *flush_name(void)
{
	switch (pm_flush_kind()) {
	case PM_FLUSH_CLWB: return "clwb";
	case PM_FLUSH_CLFLUSHOPT: return "clflushopt";
	case PM_FLUSH_CLFLUSH: return "clflush";
	case PM_FLUSH_EADR: return "none (eADR)";
	default: return "other";
	}
}

static bool is_time(const struct row *r)
{
	return !strcmp(r->unit, "us") || !strcmp(r->unit, "s") || !strcmp(r->unit, "GB/s");
}

static bool near(double a, double b)
{
	return a - b < 1e-9 && b - a < 1e-9;
}

static bool passes(const struct row *r)
{
	switch (r->judge) {
	case JUDGE_MOST: return r->value <= r->target;
	case JUDGE_EXACT: return near(r->value, r->target);
	case JUDGE_DIFF: return r->value - r->base <= r->target;
	case JUDGE_SHARE: return r->value / r->base >= r->target;
	case JUDGE_TIMES: return r->value / r->base <= r->target;
	default: return true;
	}
}

static const char *verdict(const struct row *r)
{
	if (r->skipped)
		return "SKIP";
	if (r->judge == JUDGE_NONE)
		return "";
	return passes(r) ? "PASS" : "FAIL";
}

/* -- text ------------------------------------------------------------------------ */

/* Three or four digits that mean something; whole things without a fraction. */
static void number(char *buf, size_t size, double v, const char *unit)
{
	int digits = 0;

	if (!near(v, (double)(long long)(v + 0.5)))
		digits = v < 10 ? 3 : v < 100 ? 2 : 1;
	snprintf(buf, size, "%.*f %s", digits, v, unit);
}

static void put_result(char *buf, size_t size, const struct row *r)
{
	buf[0] = '\0';
	if (r->judge == JUDGE_DIFF)
		snprintf(buf, size, "%+.3f %s", r->value - r->base, r->unit);
	else if (r->judge == JUDGE_SHARE)
		snprintf(buf, size, "%.0f %%", 100 * r->value / r->base);
	else if (r->beside && r->base > 0)
		snprintf(buf, size, "x %.2f", r->value / r->base);
}

static void put_target(char *buf, size_t size, const struct row *r)
{
	static const char *const sign[] = {
		[JUDGE_NONE] = "", [JUDGE_MOST] = "<= ", [JUDGE_EXACT] = "= ", [JUDGE_DIFF] = "<= +",
		[JUDGE_SHARE] = ">= ", [JUDGE_TIMES] = "<= x ",
	};

	buf[0] = '\0';
	if (r->judge == JUDGE_NONE)
		return;
	if (r->judge == JUDGE_SHARE)
		snprintf(buf, size, ">= %.0f %%", 100 * r->target);
	else
		snprintf(buf, size, "%s%g%s%s", sign[r->judge], r->target,
			 r->judge == JUDGE_TIMES ? "" : " ", r->judge == JUDGE_TIMES ? "" : r->unit);
}

static void print_text(const struct row *r)
{
	char value[96] = "", beside[80] = "", result[40] = "", target[40];

	put_target(target, sizeof(target), r);
	if (!r->skipped) {
		number(value, sizeof(value), r->value, r->unit);
		put_result(result, sizeof(result), r);
		if (r->beside) {
			number(beside, sizeof(beside), r->base, r->unit);
			strncat(beside, " ", sizeof(beside) - strlen(beside) - 1);
			strncat(beside, r->beside, sizeof(beside) - strlen(beside) - 1);
		}
	}
	printf("%-46s %13s  %-39s %11s  %-13s %s\n", r->what, value, beside, result, target, verdict(r));
	if (r->skipped)
		printf("    %s\n", r->skipped);
	for (size_t i = 0; i < ROW_COUNTS && r->count[i].name; i++) {
		number(value, sizeof(value), r->count[i].v, r->count[i].name);
		printf("%s%s", i ? ", " : "    ", value);
	}
	if (r->count[0].name)
		putchar('\n');
}

/* -- JSON -------------------------------------------------------------------------- */

/* Our own texts: neither quotes nor backslashes nor control characters. */
static void print_json(const struct report *rp, const struct row *r)
{
	static const char *const judge[] = { "none", "most", "exact", "diff", "share", "times" };

	printf("%s\n    {\"bench\": \"%s\", \"what\": \"%s\", \"unit\": \"%s\"", rp->rows ? "," : "",
	       rp->bench, r->what, r->unit);
	if (r->skipped)
		printf(", \"skipped\": \"%s\"", r->skipped);
	else
		printf(", \"value\": %.6g", r->value);
	if (r->beside && !r->skipped)
		printf(", \"beside\": \"%s\", \"base\": %.6g", r->beside, r->base);
	if (r->judge != JUDGE_NONE)
		printf(", \"judge\": \"%s\", \"target\": %g, \"verdict\": \"%s\"", judge[r->judge],
		       r->target, verdict(r));
	for (size_t i = 0; i < ROW_COUNTS && r->count[i].name; i++)
		printf("%s\"%s\": %.6g", i ? ", " : ", \"counts\": {", r->count[i].name, r->count[i].v);
	printf("%s}", r->count[0].name ? "}" : "");
}

/* -- the door -------------------------------------------------------------------------- */

void report_begin(struct report *rp, bool json, bool quick)
{
	*rp = (struct report){ .json = json, .bench = "" };
	if (json) {
		printf("{\n  \"quick\": %s, \"flush\": \"%s\", \"rows\": [", quick ? "true" : "false",
		       flush_name());
		return;
	}
	printf("daxfs engine benchmark%s, in memory, flush: %s; medians\n\n", quick ? " (quick)" : "",
	       flush_name());
	printf("%-46s %13s  %-39s %11s  %-13s\n", "what", "measured", "beside", "result", "target");
}

void report_row(struct report *rp, const struct row *r)
{
	if (rp->json)
		print_json(rp, r);
	else
		print_text(r);
	fflush(stdout);
	rp->rows++;
	if (!r->skipped && !passes(r)) {
		if (is_time(r))
			rp->slow++;
		else
			rp->missed++;
	}
}

void report_end(struct report *rp)
{
	if (rp->json)
		printf("\n  ], \"slow\": %zu, \"missed\": %zu\n}\n", rp->slow, rp->missed);
	else
		printf("\n%zu rows, %zu missed\n", rp->rows, rp->slow + rp->missed);
}
