/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report.h -- one table of what was measured, for people or as JSON
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

enum judge {
	JUDGE_NONE,	/* no target; the ratio is shown when there is a base */
	JUDGE_MOST,	/* value <= target */
	JUDGE_EXACT,	/* value == target */
	JUDGE_DIFF,	/* value - base <= target */
	JUDGE_SHARE,	/* value / base >= target */
	JUDGE_TIMES,	/* value / base <= target */
};

struct count { const char *name; double v; };

#define ROW_COUNTS	8

struct row {
	const char	*what;
	const char	*unit;
	double		 value;
	const char	*beside;	/* what base is; NULL: no base */
	double		 base;
	enum judge	 judge;
	double		 target;
	struct count	 count[ROW_COUNTS];	/* more figures, up to the first without a name */
	const char	*skipped;	/* why nothing was measured, else NULL */
};

struct report {
	bool		 json;
	const char	*bench;		/* which one is running */
	size_t		 rows, slow;	/* slow: targets for times that were missed */
	size_t		 missed;	/* other targets that were missed */
};

void report_begin(struct report *rp, bool json, bool quick);
void report_row(struct report *rp, const struct row *r);
void report_end(struct report *rp);

#endif
