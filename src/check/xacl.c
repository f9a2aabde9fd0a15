// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * xacl.c -- attributes whose values are POSIX ACLs, read independently of the engine
 *
 * The entries are read from the first to the last as the sentence that they
 * must form: owner, users, group, groups, mask, others.  Pure: bytes in, a
 * verdict out; what was read comes from media and nothing is taken for granted.
 */
#include "check/xacl.h"

#include <string.h>

#define VERSION		2u
#define HEADER		4u
#define ENTRY		8u
#define PERM_MAX	7u
#define NO_ID		UINT32_MAX

enum tag { OWNER = 1, USER = 2, GROUP = 4, NAMED_GROUP = 8, MASK = 16, OTHERS = 32 };

struct reader { const uint8_t *at, *end; };

static uint32_t number(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

/* Step over the next entry if it is a good one of this kind. */
static bool take(struct reader *r, enum tag tag)
{
	if (r->at == r->end || number(r->at, 2) != tag || number(r->at + 2, 2) > PERM_MAX)
		return false;
	if ((tag == USER || tag == NAMED_GROUP) && number(r->at + 4, 4) == NO_ID)
		return false;
	r->at += ENTRY;
	return true;
}

static bool take_all(struct reader *r, enum tag tag)
{
	const uint8_t *from = r->at;

	while (take(r, tag))
		;
	return r->at != from;
}

bool xacl_named(const uint8_t *name, size_t len)
{
	static const char *const names[] = { "system.posix_acl_access", "system.posix_acl_default" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (len == strlen(names[i]) && !memcmp(name, names[i], len))
			return true;
	return false;
}

bool xacl_sound(const uint8_t *value, size_t size)
{
	struct reader r = { value, value + size };
	bool users, groups;

	if (size < HEADER || (size - HEADER) % ENTRY || number(value, HEADER) != VERSION)
		return false;
	r.at += HEADER;
	if (!take(&r, OWNER))
		return false;
	users = take_all(&r, USER);
	if (!take(&r, GROUP))
		return false;
	groups = take_all(&r, NAMED_GROUP);
	if (!take(&r, MASK) && (users || groups))
		return false;
	return take(&r, OTHERS) && r.at == r.end;
}
