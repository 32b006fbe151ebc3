/* SPDX-License-Identifier: MIT
 *
 * SIGSEGV and SIGBUS shared with others: handlers installed before and after the library's,
 * signals that were sent, programs that own their signals. Each test is a process of its own,
 * since what was there first is remembered for good.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include <ntmm/native.h>
#include <ntmm/windows.h>

#include "support/touch.h"

#define PAGE 4096

#define MUST(condition) ((condition) ? (void)0 : _exit(__LINE__ % 200 + 50))

/* As if the program had just begun, with nobody's handlers; no core files. */
static pid_t start(void (*run)(void))
{
	pid_t child = fork();
	if (child)
		return child;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	alarm(60);
	run();
	_exit(0);
}

static int status_of(void (*run)(void))
{
	int status = 0;
	pid_t child = start(run);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void ends_well(void (*run)(void))
{
	int status = status_of(run);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		fail_msg("a condition in line %d (modulo 200)", WEXITSTATUS(status) - 50);
	assert_int_equal(status, 0);
}

static void dies_of(void (*run)(void), int signal)
{
	int status = status_of(run);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), signal);
}

static volatile unsigned vectored, earlier;

static LONG NTAPI decline(EXCEPTION_POINTERS *pointers)
{
	(void)pointers;
	vectored++;
	return EXCEPTION_CONTINUE_SEARCH;
}

static void begin(void)
{
	MUST(AddVectoredExceptionHandler(1, decline));
}

static char *none_page(void)
{
	return host_pages(PAGE, PROT_NONE);
}

static char *cut_page(void)
{
	char path[] = "/tmp/ntmm-signals-XXXXXX";
	int fd = mkstemp(path);
	MUST(fd >= 0 && !unlink(path) && !ftruncate(fd, PAGE));
	char *view = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(view != MAP_FAILED && !ftruncate(fd, 0));
	return view;
}

/* ---- nobody was there ----------------------------------------------------------------------- */

static void fault(void)
{
	begin();
	peek(none_page());
}

static void bus_fault(void)
{
	begin();
	peek(cut_page());
}

static void sent(void)
{
	begin();
	kill(getpid(), SIGSEGV);
	pause();
}

static void sent_bus(void)
{
	begin();
	raise(SIGBUS);
}

static void ignoring_fault(void)
{
	signal(SIGSEGV, SIG_IGN);
	fault();
}

static void ignoring_sent(void)
{
	signal(SIGSEGV, SIG_IGN);
	begin();
	for (unsigned i = 0; i < 10; i++)
		raise(SIGSEGV);
	MUST(!vectored);
}

static void what_happens_by_default(void **state)
{
	(void)state;
	dies_of(fault, SIGSEGV);
	dies_of(bus_fault, SIGBUS);
	dies_of(sent, SIGSEGV);
	dies_of(sent_bus, SIGBUS);
	dies_of(ignoring_fault, SIGSEGV);
	ends_well(ignoring_sent);
}

/* What a core dump shows: the instruction that was refused. */
extern const char traced_instruction[];
__asm__(".pushsection .text\n"
        "traced: traced_instruction:\n"
        "	movb (%rdi), %al\n"
        "	ret\n"
        ".popsection\n");
void traced(const void *address);

static void traced_fault(void)
{
	begin();
	char *page = none_page();
	MUST(!ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	traced(page);
}

static void where_it_dies(void **state)
{
	int status;
	unsigned stops = 0;
	struct user_regs_struct registers = {0};
	pid_t child = start(traced_fault);
	(void)state;
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		assert_int_equal(WSTOPSIG(status), SIGSEGV);
		assert_int_equal(ptrace(PTRACE_GETREGS, child, NULL, &registers), 0);
		assert_int_equal(registers.rip, (uintptr_t)traced_instruction);
		siginfo_t info;
		assert_int_equal(ptrace(PTRACE_GETSIGINFO, child, NULL, &info), 0);
		assert_int_equal(info.si_code, SEGV_ACCERR);
		assert_int_equal((uintptr_t)info.si_addr, registers.rdi);
		ptrace(PTRACE_CONT, child, NULL, SIGSEGV);
		stops++;
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	assert_int_equal(stops, 2);
}

/* ---- handlers that were there before ------------------------------------------------------- */

static volatile siginfo_t told; /* the compiler believes that sigqueue comes back without it */

static void recover_anyhow(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	told = *info;
	earlier++;
	errno = 5;
	if (info->si_code > 0)
		mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE,
		         PROT_READ | PROT_WRITE);
}

/* When it is the library that calls it. */
static void recover(int signal, siginfo_t *info, void *context)
{
	sigset_t blocked;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	MUST(sigismember(&blocked, signal) && sigismember(&blocked, SIGUSR1));
	MUST(!sigismember(&blocked, SIGUSR2));
	recover_anyhow(signal, info, context);
}

static void install_before(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | flags};
	action.sa_sigaction = handler;
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR1);
	MUST(!sigaction(signal, &action, NULL));
}

static void recovering(void)
{
	sigset_t blocked;
	install_before(SIGSEGV, recover, 0);
	begin();
	for (unsigned i = 1; i <= 100; i++) {
		char *page = none_page();
		errno = 77;
		poke(page + i, 9);
		MUST(errno == 77 && peek(page + i) == 9);
		MUST(vectored == i && earlier == i && told.si_addr == page + i);
		MUST(told.si_code == SEGV_ACCERR);
		munmap(page, PAGE);
	}
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	MUST(!sigismember(&blocked, SIGSEGV) && !sigismember(&blocked, SIGUSR1));
}

static void sent_to_earlier(void)
{
	install_before(SIGSEGV, recover, 0);
	begin();
	kill(getpid(), SIGSEGV);
	MUST(earlier == 1 && told.si_code == SI_USER && told.si_pid == getpid());
	sigqueue(getpid(), SIGSEGV, (union sigval){.sival_int = 55});
	MUST(earlier == 2 && told.si_code == SI_QUEUE && told.si_value.sival_int == 55);
	MUST(!vectored);
}

static void only_once(void)
{
	install_before(SIGSEGV, recover, (int)SA_RESETHAND);
	begin();
	poke(none_page(), 1);
	MUST(earlier == 1);
	poke(none_page(), 1);
}

static sigjmp_buf out;

static void jump(int signal)
{
	sigset_t blocked;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	MUST(sigismember(&blocked, signal));
	earlier++;
	siglongjmp(out, 1);
}

/* Leaves with the mask of the sigsetjmp, so that the signal can come again. */
static void jumping(void)
{
	char *page = none_page();
	signal(SIGSEGV, jump);
	signal(SIGBUS, jump);
	begin();
	while (vectored < 20)
		if (!sigsetjmp(out, 1))
			peek(vectored & 1 ? page : (char *)8);
	MUST(earlier == 20);
	if (!sigsetjmp(out, 1))
		peek(cut_page());
	MUST(earlier == 21 && vectored == 21);
}

static void deferring_none(int signal, siginfo_t *info, void *context)
{
	sigset_t blocked;
	(void)info, (void)context;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	MUST(!sigismember(&blocked, signal));
	if (++earlier == 1)
		peek((char *)16); /* once more */
	siglongjmp(out, 1);
}

static void nesting(void)
{
	install_before(SIGSEGV, deferring_none, SA_NODEFER);
	begin();
	if (!sigsetjmp(out, 1))
		peek((char *)8);
	MUST(earlier == 2 && vectored == 2);
}

/* Goes on elsewhere. */
static void skip_it(int signal, siginfo_t *info, void *context)
{
	ucontext_t *state = context;
	(void)signal, (void)info;
	MUST(state->uc_mcontext.gregs[REG_RIP] == (greg_t)(uintptr_t)traced_instruction);
	state->uc_mcontext.gregs[REG_RIP] += 2;
	earlier++;
}

static void skipping(void)
{
	install_before(SIGSEGV, skip_it, 0);
	begin();
	traced(none_page());
	MUST(earlier == 1);
}

static void handlers_before(void **state)
{
	(void)state;
	ends_well(recovering);
	ends_well(sent_to_earlier);
	dies_of(only_once, SIGSEGV);
	ends_well(jumping);
	ends_well(nesting);
	ends_well(skipping);
}

/* ---- handlers that came later -------------------------------------------------------------- */

static struct sigaction replaced;
static volatile unsigned later;

/* Of a library that passes on what it does not want, to what it has replaced. */
static void pass(int signal, siginfo_t *info, void *context)
{
	later++;
	replaced.sa_sigaction(signal, info, context);
}

static void install_later(void)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER};
	action.sa_sigaction = pass;
	MUST(!sigaction(SIGSEGV, &action, &replaced));
}

static LONG NTAPI open_page(EXCEPTION_POINTERS *pointers)
{
	ULONG_PTR address = pointers->ExceptionRecord->ExceptionInformation[1];
	vectored++;
	mprotect((void *)(address & ~(ULONG_PTR)(PAGE - 1)), PAGE, PROT_READ | PROT_WRITE);
	return EXCEPTION_CONTINUE_EXECUTION;
}

/* kernel → theirs → ours → the first. */
static void replaced_by_another(void)
{
	install_before(SIGSEGV, recover, 0);
	begin();
	install_later();
	poke(none_page(), 1);
	MUST(later == 1 && vectored == 1 && earlier == 1);
	void *handle = AddVectoredExceptionHandler(1, open_page);
	poke(none_page(), 1);
	MUST(later == 2 && vectored == 2 && earlier == 1);
	MUST(RemoveVectoredExceptionHandler(handle));
}

/* kernel → ours → theirs → ours, which knows it → the first. */
static void put_in_front_again(void)
{
	replaced_by_another();
	for (unsigned i = 0; i < 20; i++) /* no matter how often */
		MUST(ntmm_native_take_signals());
	vectored = later = earlier = 0;
	for (unsigned i = 1; i <= 3; i++) {
		poke(none_page(), 1);
		MUST(vectored == i && later == i && earlier == i);
	}
	AddVectoredExceptionHandler(1, open_page);
	poke(none_page(), 1);
	MUST(vectored == 4 && later == 3 && earlier == 3);
}

/* Saved and restored by who knows only signal(). */
static void restored_without_flags(void)
{
	install_before(SIGSEGV, recover, 0);
	begin();
	void (*saved)(int) = signal(SIGSEGV, SIG_DFL);
	signal(SIGSEGV, saved);
	MUST(ntmm_native_take_signals());
	poke(none_page(), 1);
	MUST(vectored == 1 && earlier == 1);
}

static void too_many(void)
{
	begin();
	unsigned i = 0;
	do {
		signal(SIGSEGV, i & 1 ? jump : SIG_DFL);
		MUST(i++ < 100);
	} while (ntmm_native_take_signals());
	MUST(GetLastError() == ERROR_NO_SYSTEM_RESOURCES);
}

static void handlers_after(void **state)
{
	(void)state;
	ends_well(replaced_by_another);
	ends_well(put_in_front_again);
	ends_well(restored_without_flags);
	ends_well(too_many);
}

/* ---- programs that own the signals --------------------------------------------------------- */

static volatile bool handled;

static void own(int signal, siginfo_t *info, void *context)
{
	handled = ntmm_native_signal(signal, info, context);
	earlier++;
	if (!handled)
		siglongjmp(out, 1);
}

static void peek_body(void *address)
{
	peek(address);
}

static void owning(void)
{
	struct sigaction now;
	EXCEPTION_RECORD record;
	char *page = none_page();
	MUST(ntmm_native_leave_signals());
	MUST(!sigaction(SIGSEGV, NULL, &now) && now.sa_handler == SIG_DFL);
	install_before(SIGSEGV, own, 0);
	void *handle = AddVectoredExceptionHandler(1, open_page);
	MUST(!sigaction(SIGSEGV, NULL, &now) && now.sa_sigaction == own);
	poke(page, 1);
	MUST(handled && earlier == 1 && vectored == 1);
	MUST(RemoveVectoredExceptionHandler(handle));

	if (!sigsetjmp(out, 1))
		peek((char *)8);
	MUST(!handled && earlier == 2);
	for (unsigned i = 0; i < 3; i++) /* the signal is not left blocked */
		MUST(!ntmm_try(peek_body, (char *)8, &record));
	MUST(earlier == 2);
	MUST(!ntmm_native_probe(NULL, 1, false) && handled && earlier == 3);
}

static void left_and_taken(void)
{
	struct sigaction now;
	install_before(SIGSEGV, recover_anyhow, 0);
	begin();
	MUST(ntmm_native_leave_signals());
	MUST(!sigaction(SIGSEGV, NULL, &now) && now.sa_sigaction == recover_anyhow);
	poke(none_page(), 1);
	MUST(earlier == 1 && !vectored);
	MUST(ntmm_native_leave_signals());
	MUST(ntmm_native_take_signals());
	poke(none_page(), 1);
	MUST(earlier == 2 && vectored == 1);
}

static void programs_with_their_own(void **state)
{
	(void)state;
	ends_well(left_and_taken);
	ends_well(owning);
}

/* ---- forked children ----------------------------------------------------------------------- */

static void *fault_in_thread(void *address)
{
	stack_t stack;
	MUST(!ntmm_try(peek_body, address, NULL));
	MUST(!sigaltstack(NULL, &stack) && !(stack.ss_flags & SS_DISABLE));
	return stack.ss_sp;
}

/* A child goes on with the handlers, and with the stack of the thread that it was; others of its
 * threads do not get that one. */
static void forked(void)
{
	stack_t stack;
	pthread_t thread;
	void *other;
	int status;
	begin();
	MUST(!ntmm_try(peek_body, (char *)8, NULL) && vectored == 1);
	pid_t child = fork();
	if (child) {
		MUST(waitpid(child, &status, 0) == child && !status);
		MUST(!ntmm_try(peek_body, (char *)8, NULL) && vectored == 2);
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		MUST(!pthread_create(&thread, NULL, fault_in_thread, (char *)8));
		MUST(!pthread_join(thread, &other));
		MUST(!ntmm_try(peek_body, (char *)8, NULL) && vectored == 3 + 2 * i);
		MUST(!sigaltstack(NULL, &stack) && stack.ss_sp != other);
	}
}

static void children(void **state)
{
	(void)state;
	ends_well(forked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_happens_by_default),
		cmocka_unit_test(where_it_dies),
		cmocka_unit_test(handlers_before),
		cmocka_unit_test(handlers_after),
		cmocka_unit_test(programs_with_their_own),
		cmocka_unit_test(children),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
