/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guard.c -- media errors become -EIO
 *
 * Owns the process's SIGBUS handler.  A poisoned line, or a page of a sparse
 * file that the filesystem below cannot back, raises SIGBUS in the thread that
 * touches it.  Inside a guard the thread jumps back and the copy returns -EIO;
 * outside, the signal goes to whoever handled it before, or one sentence is
 * written and the process ends.  The jump leaves a plain copy loop only: no lock
 * is taken and nothing is allocated inside a guard (the recording backend does,
 * but on memory that cannot fail).
 *
 * A guard costs one sigsetjmp() without the signal mask: the handler is
 * installed SA_NODEFER, so the mask is the same when it jumps.
 */
#include "pm/pm.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#if defined(__SANITIZE_THREAD__)
#define PM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PM_TSAN 1
#endif
#endif

#ifdef PM_TSAN
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
#define SAVE_MASK		1	/* its handler blocks signals whatever we ask for */
#define UNSEEN_BEGIN(what)	AnnotateIgnore##what##Begin(__FILE__, __LINE__)
#define UNSEEN_END(what)	AnnotateIgnore##what##End(__FILE__, __LINE__)
#else
#define SAVE_MASK		0
#define UNSEEN_BEGIN(what)	((void)0)
#define UNSEEN_END(what)	((void)0)
#endif

static pthread_once_t install_once = PTHREAD_ONCE_INIT;
static int install_err;
static struct sigaction previous;
static _Thread_local sigjmp_buf *volatile guard_env;
static _Thread_local void *volatile guard_at;	/* the address that failed */

/*
 * No handler before us: say what happened, then let the fault kill.  The log may be
 * used here although this is a handler: the fault comes from a plain access to the media, in no
 * function of libc that holds a lock.  A signal that was sent comes anywhere.
 */
static void die(const siginfo_t *info)
{
	static const char msg[] = "daxfs: ended by a SIGBUS that somebody sent\n";
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGBUS, &dfl, NULL);
	if (info->si_code > 0) {
		log_error("media error (SIGBUS) while accessing metadata; ending. "
			  "Check the device for bad blocks, or the file for a full filesystem below it.");
	} else {
		ssize_t ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);

		(void)ignored;
	}
	if (info->si_code <= 0)		/* sent, not a fault that comes again */
		raise(SIGBUS);
}

static void chain(int sig, siginfo_t *info, void *ctx)
{
	if (previous.sa_flags & SA_SIGINFO)
		previous.sa_sigaction(sig, info, ctx);
	else if (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN)
		die(info);
	else
		previous.sa_handler(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *ctx)
{
	sigjmp_buf *env = guard_env;

	if (info->si_code == BUS_MCEERR_AO)
		return;			/* advice about memory that nobody touched */
	if (env && info->si_code > 0) {
		guard_at = info->si_addr;
		siglongjmp(*env, 1);
	}
	chain(sig, info, ctx);
}

static void install(void)
{
	struct sigaction act = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&act.sa_mask);
	if (sigaction(SIGBUS, &act, &previous)) {
		install_err = -errno;
		log_error("cannot handle SIGBUS: %s", strerror(errno));
	}
}

int pm_guard_install(void)
{
	pthread_once(&install_once, install);
	return install_err;
}

/*
 * Runs @body inside a guard; ThreadSanitizer sees none of its @what (Reads or
 * Writes).  Guards do not nest: nothing called inside one opens another.  A
 * macro, because the frame of sigsetjmp() must live as long as the guard.  After
 * the jump there is nothing to end for ThreadSanitizer: it stops ignoring when
 * it enters a signal handler.
 */
#define GUARDED(err, what, body)					\
	do {								\
		sigjmp_buf env_;					\
									\
		if (sigsetjmp(env_, SAVE_MASK)) {			\
			(err) = -EIO;					\
		} else {						\
			guard_env = &env_;				\
			UNSEEN_BEGIN(what);				\
			atomic_signal_fence(memory_order_seq_cst);	\
			body;						\
			atomic_signal_fence(memory_order_seq_cst);	\
			UNSEEN_END(what);				\
			(err) = 0;					\
		}							\
		guard_env = NULL;					\
	} while (0)

int pm_read(struct region *rg, void *dst, const void *src, size_t n)
{
	int err;

	(void)rg;
	GUARDED(err, Reads, memcpy(dst, src, n));
	return err;
}

int pm_copy_guarded(struct region *rg, void *dst, const void *src, size_t n)
{
	int err;

	GUARDED(err, Writes, rg->ops->copy(rg, dst, src, n));
	return err;
}

int pm_store_guarded(struct region *rg, void *dst, const void *src, size_t n)
{
	int err;

	GUARDED(err, Writes, rg->ops->store(rg, dst, src, n));
	return err;
}

int pm_zero_guarded(struct region *rg, void *dst, size_t n)
{
	int err;

	GUARDED(err, Writes, rg->ops->zero(rg, dst, n));
	return err;
}

int pm_run_guarded(struct region *rg, int (*fn)(void *arg), void *arg, uint64_t *off)
{
	int err, ret = 0;

	*off = UINT64_MAX;
	GUARDED(err, Reads, ret = fn(arg));
	if (!err)
		return ret;
	uint64_t at = (uint64_t)(uintptr_t)guard_at - (uint64_t)(uintptr_t)rg->base;

	if (at < rg->size)
		*off = at;
	return err;
}
