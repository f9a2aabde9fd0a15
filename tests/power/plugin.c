/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin.c -- power cuts that lose the CPU's caches, as a plugin of QEMU
 *
 * What a store changes is seen by every CPU and by nobody after a power cut.  A
 * line becomes durable as the architecture says and not otherwise:
 *
 *   CLWB, CLFLUSHOPT	the line as it is joins this CPU's queue
 *   non-temporal store	its bytes join this CPU's queue
 *   SFENCE, MFENCE,	this CPU's queue becomes durable
 *   locked instructions
 *   CLFLUSH		the line becomes durable
 *   WBINVD		everything becomes durable
 *
 * doc/durability.md says what this can and cannot show; campaign.py drives it.
 *
 * Options: nv=FILE (each NVDIMM, in order), out=PREFIX of images, log=FILE,
 * cuts=N+N+... in unit=event|fence|ack since the guest armed the model,
 * evict=P+P+... per cent, granule=8|64, seed=N, fence=all|strict.
 *
 * The guest speaks by CPUID with EAX = 0x7066 << 16 | operation, harmless on any
 * other machine: see mark.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/bind.h"
#include "power/decode.h"
#include "power/mark.h"
#include "power/model.h"
#include "power/qemu.h"

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const struct plugin_info *info, int argc, char **argv);

struct model model = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.out = "cut", .granule = LINE, .seed = 1, .nr_rates = 1,
};

static FILE *log_file;
static _Atomic bool attached;

/* -- log --------------------------------------------------------------------------- */

void model_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(log_file, format, args);
	va_end(args);
	fputc('\n', log_file);
	fflush(log_file);
}

void model_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("power-cut model: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(70);
}

void model_log_counts(const char *where, uint64_t label)
{
	const struct counts *c = &model.count;

	model_log("count %s %" PRIu64 " events=%" PRIu64 " fences=%" PRIu64 " locked=%" PRIu64 " flushes=%" PRIu64
		  " clflushes=%" PRIu64 " nt_stores=%" PRIu64 " drained=%" PRIu64 " wbinvds=%" PRIu64
		  " acks=%" PRIu64 " crossed=%" PRIu64 " unsupported=%" PRIu64 " untranslated=%" PRIu64,
		  where, label, c->events, c->fences, c->locked_fences, c->flushes, c->clflushes, c->nt_stores,
		  c->drained, c->wbinvds, c->acks, c->crossed, c->unsupported, c->untranslated);
}

/* -- events ------------------------------------------------------------------------ */

static void on_fence(unsigned cpu, void *locked)
{
	if (!model.queue[cpu].nr)	/* only this CPU adds to it */
		return;
	pthread_mutex_lock(&model.mutex);
	cut_tick(TICK_FENCE);
	model.count.locked_fences += locked != NULL;
	queue_drain(cpu);
	pthread_mutex_unlock(&model.mutex);
}

static uint64_t flush_address(const void *cpu, const struct insn *in)
{
	uint64_t address = (uint64_t)(int64_t)in->disp;

	if (in->base != INSN_NO_REG)
		address += bind_reg(cpu, in->base);
	if (in->index != INSN_NO_REG)
		address += bind_reg(cpu, in->index) << in->scale;
	return in->addr32 ? (uint32_t)address : address;
}

static void flush_line(unsigned cpu, const uint8_t *host, enum insn_kind kind)
{
	unsigned media;
	uint64_t off;

	if (!media_at(host, &media, &off))
		return;
	pthread_mutex_lock(&model.mutex);
	cut_tick(TICK_EVENT);
	queue_line(cpu, media, off);
	if (kind == INSN_CLFLUSH) {
		struct queue *q = &model.queue[cpu];

		queue_apply(&q->entry[--q->nr], model.media[media].durable, true);
		model.count.clflushes++;
	} else {
		model.count.flushes++;
	}
	pthread_mutex_unlock(&model.mutex);
}

static void on_flush(unsigned cpu_index, void *arg)
{
	const struct insn *in = arg;
	void *cpu = qemu_get_cpu((int)cpu_index);

	if (in->segment || !bind_is_64bit(cpu)) {
		model.count.unsupported++;
		return;
	}
	uint8_t *host = bind_translate(cpu, flush_address(cpu, in) & ~(uint64_t)(LINE - 1));

	if (host)
		flush_line(cpu_index, host, in->kind);
	else
		model.count.untranslated++;
}

struct rip_flush { uint64_t vaddr; enum insn_kind kind; };

static void on_rip_flush(unsigned cpu, void *arg)
{
	const struct rip_flush *rf = arg;
	uint8_t *host = bind_translate(qemu_get_cpu((int)cpu), rf->vaddr & ~(uint64_t)(LINE - 1));

	if (host)
		flush_line(cpu, host, rf->kind);
	else
		model.count.untranslated++;
}

static void on_nt_store(unsigned cpu, meminfo info, uint64_t vaddr, void *arg)
{
	uint8_t *host = bind_stored(info, vaddr);
	unsigned left = 1u << qemu_plugin_mem_size_shift(info), media;
	uint64_t off;

	(void)arg;
	pthread_mutex_lock(&model.mutex);
	while (left && host && media_at(host, &media, &off)) {
		unsigned room = LINE - (unsigned)(off & (LINE - 1)), n = left < room ? left : room;

		cut_tick(TICK_EVENT);
		model.count.nt_stores++;
		queue_bytes(cpu, media, off, n);
		left -= n;
		vaddr += n;
		host = vaddr & 4095 ? host + n : bind_translate(qemu_get_cpu((int)cpu), vaddr);
	}
	pthread_mutex_unlock(&model.mutex);
}

static void on_wbinvd(unsigned cpu, void *arg)
{
	(void)cpu;
	(void)arg;
	pthread_mutex_lock(&model.mutex);
	model.count.wbinvds++;
	model_log("wbinvd events=%" PRIu64, model.count.events);
	media_write_back_all();
	pthread_mutex_unlock(&model.mutex);
}

/* -- markers ----------------------------------------------------------------------- */

static void arm(void)
{
	const struct counts *now = &model.count;

	model.count = (struct counts){ .unsupported = now->unsupported, .untranslated = now->untranslated };
	model.armed = true;
	model_log("arm");
}

static void marker(unsigned op, uint64_t a, uint64_t b)
{
	switch (op) {
	case MARK_ARM:
		arm();
		break;
	case MARK_ACK:
		model.count.acks++;
		model_log("ack %" PRIu64 " %" PRIu64 " events=%" PRIu64, a, b, model.count.events);
		cut_tick(TICK_ACK);
		break;
	case MARK_CUT:
		cut_now("marker", true);
		break;
	case MARK_COUNT:
		model_log_counts("mark", a);
		break;
	}
}

static void on_cpuid(unsigned cpu_index, void *arg)
{
	const void *cpu = qemu_get_cpu((int)cpu_index);
	uint64_t rax = bind_reg(cpu, REG_RAX);

	(void)arg;
	if ((uint32_t)rax >> 16 != MARK_MAGIC)
		return;
	pthread_mutex_lock(&model.mutex);
	marker(rax & 0xffff, bind_reg(cpu, REG_RBX), bind_reg(cpu, REG_RCX));
	pthread_mutex_unlock(&model.mutex);
}

/* -- translation ------------------------------------------------------------------- */

/* Code may be translated again, so what a callback needs is never freed. */
static void *keep(const void *p, size_t size)
{
	void *copy = malloc(size);

	if (!copy)
		model_die("no memory");
	return memcpy(copy, p, size);
}

static void watch_flush(struct qemu_plugin_insn *qi, const struct insn *in)
{
	if (in->rip) {
		struct rip_flush rf = { .kind = in->kind };

		rf.vaddr = qemu_plugin_insn_vaddr(qi) + qemu_plugin_insn_size(qi) + (uint64_t)(int64_t)in->disp;
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_rip_flush, CB_R_REGS, keep(&rf, sizeof(rf)));
		return;
	}
	qemu_plugin_register_vcpu_insn_exec_cb(qi, on_flush, CB_R_REGS, keep(in, sizeof(*in)));
}

static void watch(struct qemu_plugin_insn *qi)
{
	struct insn in;

	decode(qemu_plugin_insn_data(qi), qemu_plugin_insn_size(qi), &in);
	switch (in.kind) {
	case INSN_LOCKED:
		if (!model.strict_fences)
			qemu_plugin_register_vcpu_insn_exec_cb(qi, on_fence, CB_R_REGS, &model);
		break;
	case INSN_FENCE:
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_fence, CB_R_REGS, NULL);
		break;
	case INSN_NT_STORE:
		qemu_plugin_register_vcpu_mem_cb(qi, on_nt_store, CB_NO_REGS, MEM_W, NULL);
		break;
	case INSN_CLWB:
	case INSN_CLFLUSH:
		watch_flush(qi, &in);
		break;
	case INSN_WBINVD:
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_wbinvd, CB_R_REGS, NULL);
		break;
	case INSN_CPUID:
		qemu_plugin_register_vcpu_insn_exec_cb(qi, on_cpuid, CB_R_REGS, NULL);
		break;
	case INSN_OTHER:
		break;
	}
}

/* The first code to be translated is the firmware's: memory is mapped by then. */
static void on_translation(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	if (!attached) {
		pthread_mutex_lock(&model.mutex);
		if (!attached)
			media_attach();
		attached = true;
		pthread_mutex_unlock(&model.mutex);
	}
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
		watch(qemu_plugin_tb_get_insn(tb, i));
}

static void on_exit_of_qemu(plugin_id id, void *arg)
{
	(void)id;
	(void)arg;
	pthread_mutex_lock(&model.mutex);
	model_log_counts("exit", 0);
	model.dead = true;
	pthread_mutex_unlock(&model.mutex);
}

/* -- options ----------------------------------------------------------------------- */

static unsigned parse_list(const char *text, uint64_t **list)
{
	unsigned n = 1;

	for (const char *p = text; *p; p++)
		n += *p == '+';
	*list = calloc(n, sizeof(**list));
	if (!*list)
		model_die("no memory");
	for (unsigned i = 0; i < n; i++) {
		char *end;

		(*list)[i] = strtoull(text, &end, 10);
		if (end == text || (*end && *end != '+'))
			model_die("'%s' is no list of numbers", text);
		text = end + 1;
	}
	return n;
}

static void parse_rates(const char *text)
{
	uint64_t *rate;
	unsigned n = parse_list(text, &rate);

	if (n > MAX_RATES)
		model_die("at most %u eviction rates", MAX_RATES);
	for (unsigned i = 0; i < n; i++)
		model.rate[i] = (unsigned)rate[i];
	model.nr_rates = n;
	free(rate);
}

static void add_media(const char *path)
{
	if (model.nr_media == MAX_MEDIA)
		model_die("at most %u NVDIMMs", MAX_MEDIA);
	snprintf(model.media[model.nr_media++].path, sizeof(model.media[0].path), "%s", path);
}

static bool is_one_of(const char *value, const char *a, const char *b, const char *c)
{
	return !strcmp(value, a) || !strcmp(value, b) || (c && !strcmp(value, c));
}

static void parse(const char *name, const char *value)
{
	if (!strcmp(name, "nv"))
		add_media(value);
	else if (!strcmp(name, "out"))
		snprintf(model.out, sizeof(model.out), "%s", value);
	else if (!strcmp(name, "log"))
		snprintf(model.log, sizeof(model.log), "%s", value);
	else if (!strcmp(name, "cuts"))
		model.nr_cuts = parse_list(value, &model.cut);
	else if (!strcmp(name, "evict"))
		parse_rates(value);
	else if (!strcmp(name, "jitter"))
		model.jitter = strtoull(value, NULL, 10);
	else if (!strcmp(name, "seed"))
		model.seed = strtoull(value, NULL, 10);
	else if (!strcmp(name, "granule") && is_one_of(value, "8", "64", NULL))
		model.granule = (unsigned)strtoul(value, NULL, 10);
	else if (!strcmp(name, "fence") && is_one_of(value, "all", "strict", NULL))
		model.strict_fences = *value == 's';
	else if (!strcmp(name, "unit") && is_one_of(value, "event", "fence", "ack"))
		model.unit = *value == 'f' ? UNIT_FENCE : *value == 'a' ? UNIT_ACK : UNIT_EVENT;
	else
		model_die("unknown option %s=%s", name, value);
}

static void parse_all(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			model_die("unknown option %s", argv[i]);
		*value++ = '\0';
		parse(argv[i], value);
	}
	if (!model.nr_media)
		model_die("no NVDIMM: nv=FILE");
	log_file = *model.log ? fopen(model.log, "w") : stderr;
	if (!log_file)
		model_die("%s: %s", model.log, strerror(errno));
}

int qemu_plugin_install(plugin_id id, const struct plugin_info *info, int argc, char **argv)
{
	if (strcmp(info->target, "x86_64") || !info->system || info->max_cpus > (int)MAX_CPUS)
		model_die("only for x86_64 machines of at most %u CPUs", MAX_CPUS);
	parse_all(argc, argv);
	const char *why = bind_qemu();

	if (why)
		model_die("%s", why);
	model_log("model cpus=%d seed=%" PRIu64 " fences=%s", info->cpus, model.seed,
		  model.strict_fences ? "strict" : "all");
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
