/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uring.c -- requests over io_uring: a ring for each CPU, beside libfuse's loop
 *
 * The kernel has a queue for each CPU that could ever be and puts a request into
 * the one of the CPU that asks.  Once io_uring has been agreed on, it holds all
 * requests back until each queue has an entry.  So threads, rings and buffers
 * are made before INIT is answered, and wait at a gate; nothing can fail
 * afterwards.  Should the kernel refuse the entries, it goes back to /dev/fuse
 * by itself, where libfuse's loop has gone on reading: FORGET and INTERRUPT come
 * that way in any case.
 *
 * The thread of a ring keeps to its queue's CPU (measured: waking a thread on
 * another one costs ten times the request).  Queues of CPUs that are not online
 * get one entry each, on the others' rings.
 *
 * The mutex protects the gate (@arrived, @failed and @gate) and which rings exist.
 */
#define FUSE_USE_VERSION 314
#include "fuse/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fuse/cpus.h"
#include "fuse/ring.h"
#include "fuse/session.h"
#include "fuse/signals.h"

#define ENABLE	"/sys/module/fuse/parameters/enable_uring"

/* Entries of a queue: asynchronous requests of one CPU that are under way at a time. */
#define DEPTH	16u

enum gate { GATE_SHUT, GATE_OPEN, GATE_CANCELLED };

/* One thread with its ring. */
struct server {
	struct uring	*u;
	struct ring	 ring;
	uint16_t	*qid;		/* of each entry */
	unsigned	 cpu;
	pthread_t	 thread;
	bool		 ready;		/* the ring exists */
};

struct uring {
	struct server	*server;
	unsigned	 nr, started;	/* servers; those whose threads have been started */
	int		 fd;
	pthread_mutex_t	 mutex;
	pthread_cond_t	 cond;
	enum gate	 gate;
	unsigned	 arrived;
	int		 failed;	/* negative errno of a thread that could not make its ring */
};

/* -- threads ------------------------------------------------------------------ */

static void keep_to_cpu(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Tell how @s fared, and wait until it is known what INIT has brought. */
static enum gate pass_gate(struct server *s, int err)
{
	struct uring *u = s->u;
	enum gate gate;

	pthread_mutex_lock(&u->mutex);
	s->ready = !err;
	if (err)
		u->failed = err;
	u->arrived++;
	pthread_cond_broadcast(&u->cond);
	while (u->gate == GATE_SHUT)
		pthread_cond_wait(&u->cond, &u->mutex);
	gate = u->gate;
	pthread_mutex_unlock(&u->mutex);
	return gate;
}

static void serve(struct server *s)
{
	int err = ring_serve(&s->ring);

	if (!err)
		return;
	log_error("io_uring: %s", strerror(-err));
	atomic_store(&s->ring.d->failed, err);
	signals_fail();
}

static void *server_main(void *arg)
{
	struct server *s = arg;
	int err;

	keep_to_cpu(s->cpu);
	err = ring_init(&s->ring, s->qid);
	if (pass_gate(s, err) == GATE_OPEN && !err)
		serve(s);
	pthread_mutex_lock(&s->u->mutex);
	s->ready = false;
	pthread_mutex_unlock(&s->u->mutex);
	if (!err)
		ring_fini(&s->ring);
	return NULL;
}

static void open_gate(struct uring *u, enum gate gate)
{
	pthread_mutex_lock(&u->mutex);
	if (u->gate == GATE_SHUT)
		u->gate = gate;
	pthread_cond_broadcast(&u->cond);
	pthread_mutex_unlock(&u->mutex);
}

/* Return: 0, or why one of the threads could not make its ring. */
static int wait_arrived(struct uring *u)
{
	int err;

	pthread_mutex_lock(&u->mutex);
	while (u->arrived < u->started)
		pthread_cond_wait(&u->cond, &u->mutex);
	err = u->failed;
	pthread_mutex_unlock(&u->mutex);
	return err;
}

static void end_servers(struct uring *u)
{
	open_gate(u, GATE_CANCELLED);
	pthread_mutex_lock(&u->mutex);
	for (unsigned i = 0; i < u->started; i++) {
		if (u->server[i].ready)
			ring_stop(&u->server[i].ring);
	}
	pthread_mutex_unlock(&u->mutex);
	while (u->started)
		pthread_join(u->server[--u->started].thread, NULL);
}

/* -- which queue is served where ------------------------------------------------ */

static int add_entries(struct server *s, unsigned queue, unsigned count)
{
	uint16_t *qid = realloc(s->qid, (s->ring.nr + count) * sizeof(*qid));

	if (!qid)
		return -ENOMEM;
	s->qid = qid;
	while (count--)
		qid[s->ring.nr++] = (uint16_t)queue;
	return 0;
}

/* The first server's queue has to be that of the first CPU that is online, and so on. */
static int plan_online(struct uring *u, struct daemon *d, const cpu_set_t *online)
{
	struct server *s = u->server;

	for (unsigned cpu = 0; cpu < cpus_end(online); cpu++) {
		if (!CPU_ISSET(cpu, online))
			continue;
		s->u = u;
		s->cpu = cpu;
		s->ring.d = d;
		s->ring.fd = u->fd;
		if (add_entries(s++, cpu, DEPTH))
			return -ENOMEM;
	}
	return 0;
}

/* The kernel's queues are numbered without gaps up to the highest CPU that may come. */
static int plan_offline(struct uring *u, const cpu_set_t *online, unsigned nr_queues)
{
	for (unsigned queue = 0; queue < nr_queues; queue++) {
		if (!CPU_ISSET(queue, online) && add_entries(&u->server[queue % u->nr], queue, 1))
			return -ENOMEM;
	}
	return 0;
}

static int plan(struct uring *u, struct daemon *d)
{
	cpu_set_t possible, online;
	int err;

	err = cpus_read("possible", &possible);
	if (!err)
		err = cpus_read("online", &online);
	if (err)
		return err;
	u->nr = (unsigned)CPU_COUNT(&online);
	u->server = calloc(u->nr, sizeof(*u->server));
	if (!u->server)
		return -ENOMEM;
	err = plan_online(u, d, &online);
	return err ? err : plan_offline(u, &online, cpus_end(&possible));
}

/* -- opening and closing ---------------------------------------------------------- */

static int start(struct uring *u, struct daemon *d)
{
	int err = plan(u, d);

	while (!err && u->started < u->nr) {
		struct server *s = &u->server[u->started];

		err = -pthread_create(&s->thread, NULL, server_main, s);
		u->started += !err;
	}
	return err ? err : wait_arrived(u);
}

/* 'Y', 'N', or 0 where the kernel has no such switch. */
static char kernel_switch(void)
{
	int fd = open(ENABLE, O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd < 0)
		return 0;
	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c;
}

int uring_offered(char *why)
{
	switch (kernel_switch()) {
	case 'Y':
		return 0;
	case 0:
		snprintf(why, URING_WHY, "this kernel cannot do FUSE over io_uring, which needs Linux 6.14");
		return -EOPNOTSUPP;
	default:
		snprintf(why, URING_WHY, "the kernel has it switched off; \"echo Y > " ENABLE
			 "\" or booting with fuse.enable_uring=1 switches it on");
		return -EOPNOTSUPP;
	}
}

/* Own descriptor: libfuse closes its own before it unmounts. */
static int new_uring(struct uring **out, struct daemon *d)
{
	struct uring *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->fd = fcntl(fuse_session_fd(d->se), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (u->fd < 0) {
		int err = -errno;

		free(u);
		return err;
	}
	pthread_mutex_init(&u->mutex, NULL);
	pthread_cond_init(&u->cond, NULL);
	*out = u;
	return 0;
}

static void free_uring(struct uring *u)
{
	for (unsigned i = 0; u->server && i < u->nr; i++)
		free(u->server[i].qid);
	free(u->server);
	pthread_cond_destroy(&u->cond);
	pthread_mutex_destroy(&u->mutex);
	close(u->fd);
	free(u);
}

int uring_open(struct uring **out, struct daemon *d, char *why)
{
	struct uring *u = NULL;
	int err = new_uring(&u, d);

	if (!err)
		err = start(u, d);
	if (!err) {
		*out = u;
		return 0;
	}
	snprintf(why, URING_WHY, "io_uring cannot be set up: %s%s", strerror(-err),
		 err == -EPERM || err == -EACCES ? " (see kernel.io_uring_disabled)" : "");
	uring_close(u);
	return err;
}

void uring_begin(struct uring *u, bool agreed)
{
	if (!agreed)
		log_info("requests come through /dev/fuse, not io_uring: the kernel did not agree");
	open_gate(u, agreed ? GATE_OPEN : GATE_CANCELLED);
}

int uring_fd(const struct uring *u)
{
	return u->fd;
}

void uring_close(struct uring *u)
{
	if (!u)
		return;
	end_servers(u);
	free_uring(u);
}
