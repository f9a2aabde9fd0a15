/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pm_missing.c -- what is said of a device that is absent, and of what its memory promises,
 * against a copy of sysfs that each test makes as it needs it
 */
#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pm/missing.h"
#include "pm/pm.h"
#include "pm/probe.h"
#include "pm/sysfs.h"

Suite *suite_pm_missing(void);

static char root[64], why[256];

static void setup(void)
{
	strcpy(root, "/tmp/pm_missing.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void teardown(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}

/* Makes every directory that the path below root needs. */
static void place(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", root, name);
	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
}

static void put(const char *name, const char *text)
{
	char path[PATH_MAX];

	place(path, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void dir(const char *name)
{
	char path[PATH_MAX];

	place(path, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void link_to(const char *name, const char *target)
{
	char path[PATH_MAX];

	place(path, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void says(const char *path, const char *part)
{
	why[0] = '\0';
	ck_assert_msg(missing_reason(root, path, why, sizeof(why)), "%s: nothing", path);
	ck_assert_msg(strstr(why, part) != NULL, "%s: %s", path, why);
}

/* Region 1 with one namespace, and all drivers. */
static void machine(const char *mode, const char *holder)
{
	dir("bus/nd/drivers/nd_region");
	dir("bus/nd/drivers/nd_pmem");
	dir("bus/nd/drivers/dax_pmem");
	dir("bus/dax/drivers/device_dax");
	put("bus/nd/devices/namespace1.0/mode", mode);
	put("bus/nd/devices/namespace1.0/holder", holder);
}

START_TEST(only_device_names_are_explained)
{
	ck_assert(missing_is_device_name("/dev/dax1.0"));
	ck_assert(missing_is_device_name("/dev/pmem0.1s"));
	ck_assert(!missing_is_device_name("/dev/daxfs"));
	ck_assert(!missing_is_device_name("/dev/shm/dax1.0"));
	ck_assert(!missing_is_device_name("/dev/dax1.0/file"));
	ck_assert(!missing_is_device_name("dax1.0"));
	ck_assert(!missing_reason(root, "/dev/sda", why, sizeof(why)));
}
END_TEST

START_TEST(machine_without_nvdimms)
{
	says("/dev/dax1.0", "'modprobe nfit'");
	says("/dev/pmem1", "'modprobe nfit'");
	dir("bus/nd/drivers/nd_region");
	says("/dev/dax1.0", "'ndctl list -RN'");
}
END_TEST

START_TEST(namespace_in_another_mode)
{
	machine("memory\n", "pfn1.0\n");
	says("/dev/dax1.0", "'ndctl create-namespace -f -e namespace1.0 --mode=devdax'");
	says("/dev/dax0.0", "'ndctl list -RN'");
	says("/dev/dax11.0", "'ndctl list -RN'");
}
END_TEST

START_TEST(namespace_in_devdax_mode)
{
	machine("dax\n", "dax1.0\n");
	says("/dev/pmem1", "'ndctl list -n namespace1.0'");
	says("/dev/dax1.7", "'ndctl list -n namespace1.0'");
}
END_TEST

START_TEST(disabled_namespace)
{
	machine("raw\n", "\n");
	says("/dev/dax1.0", "'ndctl enable-namespace namespace1.0'");
	says("/dev/pmem1", "'ndctl enable-namespace namespace1.0'");
	link_to("bus/nd/devices/namespace1.0/driver", "../../drivers/nd_pmem");
	says("/dev/dax1.0", "--mode=devdax");
}
END_TEST

START_TEST(first_namespace_of_the_region_is_named)
{
	machine("memory\n", "pfn1.0\n");
	put("bus/nd/devices/namespace1.1/mode", "memory\n");
	put("bus/nd/devices/namespace10.0/mode", "memory\n");
	says("/dev/dax1.0", "-e namespace1.0 ");
	says("/dev/dax10.0", "namespace10.0");
}
END_TEST

START_TEST(driver_that_is_not_loaded)
{
	put("bus/nd/devices/namespace1.0/mode", "dax\n");
	put("bus/nd/devices/namespace1.0/holder", "dax1.0\n");
	says("/dev/dax1.0", "'modprobe dax_pmem'");
	says("/dev/pmem1", "'modprobe nd_pmem'");
	dir("bus/dax/devices/dax1.0");
	says("/dev/dax1.0", "'modprobe device_dax'");
	dir("bus/dax/drivers/device_dax");
	says("/dev/dax1.0", "'daxctl enable-device dax1.0'");
}
END_TEST

START_TEST(device_that_serves_as_memory)
{
	link_to("bus/dax/devices/dax1.0/driver", "../../drivers/kmem");
	says("/dev/dax1.0", "'daxctl reconfigure-device --mode=devdax --force dax1.0'");
}
END_TEST

START_TEST(sound_device_has_no_such_reason)
{
	link_to("bus/dax/devices/dax1.0/driver", "../../drivers/device_dax");
	ck_assert(!missing_reason(root, "/dev/dax1.0", why, sizeof(why)));
}
END_TEST

static enum pm_persistence promised(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return pm_persistence(path);
}

START_TEST(persistence_is_what_the_region_says)
{
	put("devices/region1/devtype", "nd_pmem\n");
	put("devices/region1/namespace1.0/devtype", "nd_namespace_io\n");
	dir("devices/region1/namespace1.0/block");
	link_to("disk", "devices/region1/namespace1.0/block");
	ck_assert_int_eq(promised("disk"), PM_UNKNOWN);
	put("devices/region1/persistence_domain", "memory_controller\n");
	ck_assert_int_eq(promised("disk"), PM_MEMORY_CONTROLLER);
	put("devices/region1/persistence_domain", "cpu_cache\n");
	ck_assert_int_eq(promised("disk"), PM_CPU_CACHE);
	put("devices/region1/devtype", "nd_volatile\n");
	ck_assert_int_eq(promised("disk"), PM_VOLATILE);
	dir("devices/hmem.0");
	ck_assert_int_eq(promised("devices/hmem.0"), PM_NO_REGION);
	ck_assert_int_eq(promised("absent"), PM_NO_REGION);
}
END_TEST

START_TEST(durability_follows_the_platform)
{
	struct region rg = { .ops = &pm_ops_pmem, .kind = REGION_DAX_CHAR, .fd = -1 };
	static const struct { enum pm_persistence p; bool safe; const char *part; } want[] = {
		{ PM_VOLATILE, false, "do not survive" },
		{ PM_UNKNOWN, false, "does not say" },
		{ PM_MEMORY_CONTROLLER, true, "; survives power loss" },
		{ PM_CPU_CACHE, true, "; survives power loss" },
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		region_describe(&rg, want[i].p);
		ck_assert_int_eq(region_power_safe(&rg), want[i].safe);
		ck_assert_ptr_nonnull(strstr(region_durability(&rg), want[i].part));
	}
	rg.kind = REGION_FILE;
	rg.ops = &pm_ops_msync;
	region_describe(&rg, PM_NO_REGION);
	ck_assert(region_power_safe(&rg));
	region_describe(&rg, PM_VOLATILE);
	ck_assert(!region_power_safe(&rg));
}
END_TEST

START_TEST(files_of_sysfs_are_read_with_care)
{
	char text[8];
	uint64_t v = 7;

	put("number", "0x10\n");
	put("word", "words and more\n");
	put("empty", "");
	ck_assert_int_eq(sysfs_number(root, "number", &v), 0);
	ck_assert_uint_eq(v, 16);
	ck_assert_int_lt(sysfs_number(root, "word", &v), 0);
	ck_assert_int_lt(sysfs_number(root, "empty", &v), 0);
	ck_assert_int_lt(sysfs_number(root, "absent", &v), 0);
	ck_assert_uint_eq(v, 16);
	ck_assert_int_eq(sysfs_text(root, "word", text, sizeof(text)), 0);
	ck_assert_str_eq(text, "words a");
	ck_assert(!sysfs_link(root, "word", text, sizeof(text)));
	ck_assert_str_eq(text, "");
}
END_TEST

Suite *suite_pm_missing(void)
{
	Suite *s = suite_create("pm_missing");
	TCase *tc = tcase_create("sysfs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_device_names_are_explained);
	tcase_add_test(tc, machine_without_nvdimms);
	tcase_add_test(tc, namespace_in_another_mode);
	tcase_add_test(tc, namespace_in_devdax_mode);
	tcase_add_test(tc, disabled_namespace);
	tcase_add_test(tc, first_namespace_of_the_region_is_named);
	tcase_add_test(tc, driver_that_is_not_loaded);
	tcase_add_test(tc, device_that_serves_as_memory);
	tcase_add_test(tc, sound_device_has_no_such_reason);
	tcase_add_test(tc, persistence_is_what_the_region_says);
	tcase_add_test(tc, durability_follows_the_platform);
	tcase_add_test(tc, files_of_sysfs_are_read_with_care);
	suite_add_tcase(s, tc);
	return s;
}
