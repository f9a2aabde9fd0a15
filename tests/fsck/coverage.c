/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coverage.c -- every field that the format defines has a case
 *
 * The fields come from the tables of doc/format.md, which a unit test compares
 * with format.h; so a field that is added there fails here until it has one.
 */
#include <stdio.h>
#include <string.h>

#include "run.h"

struct fields { char type[32], name[32]; unsigned long offset, size; };

/* Parts of a structure that no checksum of its own or of its surroundings covers. */
static const struct { const char *type, *name; } uncovered[] = {
	{ "dsuper", "state" }, { "dsuper", "rsvd2" }, { "dsuper", "snap" }, { "dsuper", "rsvd3" },
	{ "dsuper", "ifile" }, { "dsuper", "rsvd4" }, { "dsnapref", "rsvd" },
	{ "dlane", "magic" }, { "dlane", "rsvd" },
};

static bool is_covered(const struct fields *f)
{
	for (size_t i = 0; i < sizeof(uncovered) / sizeof(uncovered[0]); i++)
		if (!strcmp(uncovered[i].type, f->type) && !strcmp(uncovered[i].name, f->name))
			return false;
	return strcmp(f->name, "csum") != 0;
}

static bool is_about(const struct recipe *r, const struct fields *f)
{
	return !strcmp(r->f.type, f->type) && !strcmp(r->f.name, f->name) && r->f.offset == f->offset;
}

static bool has_case(const struct recipes *const all[], size_t nr, const struct fields *f, bool sealed)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t k = 0; k < all[i]->nr; k++)
			if (is_about(&all[i]->v[k], f) && all[i]->v[k].sealed == sealed)
				return true;
	return false;
}

static unsigned look(const struct recipes *const all[], size_t nr, const struct fields *f)
{
	unsigned missing = 0;

	if (!has_case(all, nr, f, RAW)) {
		printf("      no case damages %s.%s\n", f->type, f->name);
		missing++;
	}
	if (is_covered(f) && !has_case(all, nr, f, SEALED)) {
		printf("      no case changes %s.%s and makes its checksum right\n", f->type, f->name);
		missing++;
	}
	return missing;
}

/* What takes more than a few changed fields: tests/unit/check_names.c and check_repair.c have it. */
static const uint64_t out_of_reach =
	P(DIRENT_LINKS) | P(DIRENT_SUBDIRS) |	/* more than 65000 names */
	P(DIRENT_DOUBTFUL) |	/* a damaged record right before the remains of an old one */
	P(NO_ROOM) | P(CROSS_HOLE) | P(MAP_NO_ROOM) |	/* a full device */
	P(SUPER_OTHER) |	/* a filesystem made over another one */
	P(UNSETTLED);		/* a device that changes meanwhile */

unsigned coverage_findings(uint64_t seen)
{
	uint64_t all = (UINT64_C(1) << PR_NR) - 1;
	uint64_t missing = all & ~out_of_reach & ~seen;

	findings_print("no case leads to", missing);
	return (unsigned)__builtin_popcountll(missing);
}

static unsigned look_at_line(const struct recipes *const all[], size_t nr, const char *line, struct fields *f)
{
	if (line[0] == '#') {
		f->type[0] = '\0';
		sscanf(line, "### struct %31s", f->type);
		return 0;
	}
	if (!f->type[0] || sscanf(line, "| %lu | %lu | %31s |", &f->offset, &f->size, f->name) != 3)
		return 0;
	return look(all, nr, f);
}

unsigned coverage_check(const struct recipes *const all[], size_t nr)
{
	FILE *file = fopen(TOP_SRCDIR "/doc/format.md", "r");
	struct fields f = { .size = 0 };
	unsigned missing = 0, seen = 0;
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		missing += look_at_line(all, nr, line, &f);
		seen += f.size != 0;
		f.size = 0;
	}
	if (file)
		fclose(file);
	if (seen)
		return missing;
	printf("      there is no field in " TOP_SRCDIR "/doc/format.md\n");
	return 1;
}
