/* SPDX-License-Identifier: MIT
 *
 * The native process forks: the child has its own copy of private memory and its own state, sections stay
 * shared, and no lock of another thread's is left behind.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ntmm/native.h>

#include "place.h"
#include "privilege.h"
#include "support/sanitized.h"

#define SECONDS 60 /* a child that hangs ends */

/* In the child: its line is the exit status. */
#define must(condition) \
	do { \
		if (!(condition)) { \
			dprintf(2, "child, line %d: %s (error %u)\n", __LINE__, #condition, \
			        GetLastError()); \
			_exit(1); \
		} \
	} while (0)

static pid_t start(void (*run)(void *), void *context)
{
	pid_t child = fork();
	if (!child) {
		alarm(SECONDS);
		run(context);
		_exit(0);
	}
	assert_true(child > 0);
	return child;
}

static void check_ends_well(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void in_child(void (*run)(void *), void *context)
{
	check_ends_well(start(run, context));
}

/* cmocka has handlers of its own, which it installs before each test. */
static void begin(void **state)
{
	(void)state;
	assert_true(ntmm_native_take_signals());
}

static bool can_read(const void *address)
{
	char byte;
	return ReadProcessMemory(GetCurrentProcess(), address, &byte, 1, NULL);
}

static DWORD look(const void *address)
{
	MEMORY_BASIC_INFORMATION info;
	must(VirtualQuery(address, &info, sizeof info) == sizeof info);
	return info.State == MEM_COMMIT ? info.Protect : info.State;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void change_copy(void *memory)
{
	volatile char *m = memory;
	DWORD old;
	must(m[0] == 1 && m[2 * PAGE] == 3);
	m[0] = 9;
	must(!can_read((char *)memory + PAGE)); /* reserved, in the midst of memory that is open */
	must(look((char *)memory + PAGE) == MEM_RESERVE);
	must(VirtualAlloc((char *)memory + PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	m[PAGE] = 9;
	must(VirtualProtect(memory, PAGE, PAGE_READONLY, &old) && old == PAGE_READWRITE);
	must(look(memory) == PAGE_READONLY);
	must(VirtualFree((char *)memory + 2 * PAGE, PAGE, MEM_DECOMMIT));
	must(!can_read((char *)memory + 2 * PAGE));
	must(VirtualFree(memory, 0, MEM_RELEASE));
	char *more = VirtualAlloc(NULL, 4 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	must(more);
	memset(more, 5, 4 << 20);
}

static void the_child_has_its_copy(void **state)
{
	char *memory = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	begin(state);
	assert_non_null(VirtualAlloc(memory, PAGE, MEM_COMMIT, PAGE_READWRITE));
	assert_non_null(VirtualAlloc(memory + 2 * PAGE, PAGE, MEM_COMMIT, PAGE_READWRITE));
	memory[0] = 1;
	memory[2 * PAGE] = 3;
	for (int i = 0; i < 3; i++)
		in_child(change_copy, memory);
	assert_int_equal(memory[0], 1);
	assert_int_equal(memory[2 * PAGE], 3);
	assert_int_equal(protect_at(memory), PAGE_READWRITE);
	assert_int_equal(state_at(memory + PAGE), MEM_RESERVE);
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

static void go_deeper(void *memory)
{
	volatile char *m = memory;
	if (++*m == 10)
		return;
	pid_t child = fork();
	int status = 1;
	if (!child)
		go_deeper(memory);
	else
		must(waitpid(child, &status, 0) == child && !status);
	if (!child)
		_exit(0);
}

static void children_fork_too(void **state)
{
	char *memory = must_commit(PAGE, PAGE_READWRITE);
	begin(state);
	in_child(go_deeper, memory);
	assert_int_equal(*memory, 0);
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

/* VL-22: the host's locks are not handed down. */
static void lock_again(void *memory)
{
	must(!VirtualUnlock(memory, PAGE) && GetLastError() == ERROR_NOT_LOCKED);
	must(VirtualLock(memory, PAGE));
	must(VirtualUnlock(memory, PAGE));
}

static void locks_are_not_handed_down(void **state)
{
	char *memory = must_commit(PAGE, PAGE_READWRITE);
	begin(state);
	if (!VirtualLock(memory, PAGE))
		skip();
	in_child(lock_again, memory);
	assert_true(VirtualUnlock(memory, PAGE));
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

static unsigned written_in(char *memory, unsigned *first)
{
	void *pages[16];
	ULONG_PTR count = 16;
	DWORD granularity;
	if (GetWriteWatch(0, memory, 16 * PAGE, pages, &count, &granularity))
		return 99;
	*first = count ? (unsigned)((address_in(pages[0]) - address_in(memory)) / PAGE) : 99;
	return (unsigned)count;
}

/* WW-1: what was written before is known, and what is written from now on. */
static void watch_on(void *memory)
{
	char *m = memory;
	unsigned first;
	must(written_in(m, &first) == 1 && first == 3);
	((volatile char *)m)[7 * PAGE] = 1;
	must(written_in(m, &first) == 2 && first == 3);
	must(!ResetWriteWatch(m, 16 * PAGE));
	must(written_in(m, &first) == 0);
	((volatile char *)m)[3 * PAGE] = 1;
	((volatile char *)m)[9 * PAGE] = 1;
	must(written_in(m, &first) == 2 && first == 3);
}

static void write_watch_goes_on(void **state)
{
	char *memory = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH,
	                            PAGE_READWRITE);
	unsigned first;
	begin(state);
	assert_non_null(memory);
	((volatile char *)memory)[3 * PAGE] = 1;
	in_child(watch_on, memory);
	((volatile char *)memory)[8 * PAGE] = 1;
	assert_int_equal(written_in(memory, &first), 2);
	assert_int_equal(first, 3);
	assert_true(VirtualFree(memory, 0, MEM_RELEASE));
}

/* ---- exceptions ------------------------------------------------------------------------------ */

static char *_Atomic guarded;

static LONG WINAPI commit_it(EXCEPTION_POINTERS *exception)
{
	const EXCEPTION_RECORD *record = exception->ExceptionRecord;
	char *page = at(record->ExceptionInformation[1] & ~(ULONG_PTR)(PAGE - 1));
	bool mine = page >= guarded && page < guarded + 16 * PAGE;
	if (record->ExceptionCode != (DWORD)STATUS_ACCESS_VIOLATION || !mine)
		return EXCEPTION_CONTINUE_SEARCH;
	return VirtualAlloc(page, PAGE, MEM_COMMIT, PAGE_READWRITE) ? EXCEPTION_CONTINUE_EXECUTION
	                                                            : EXCEPTION_CONTINUE_SEARCH;
}

static void touch_reserved(void *memory)
{
	for (int i = 1; i < 16; i += 2)
		((volatile char *)memory)[i * PAGE] = 1;
	must(look((char *)memory + PAGE) == PAGE_READWRITE);
	must(look(memory) == MEM_RESERVE);
}

static void handlers_are_handed_down(void **state)
{
	PVOID handler = AddVectoredExceptionHandler(1, commit_it);
	begin(state);
	guarded = VirtualAlloc(NULL, 16 * PAGE, MEM_RESERVE, PAGE_READWRITE);
	in_child(touch_reserved, guarded);
	assert_int_equal(state_at(guarded + PAGE), MEM_RESERVE);
	touch_reserved(guarded);
	assert_true(RemoveVectoredExceptionHandler(handler));
	assert_true(VirtualFree(guarded, 0, MEM_RELEASE));
}

/* ---- sections -------------------------------------------------------------------------------- */

struct views {
	HANDLE section;
	char *shared, *copy;
};

static void write_views(void *context)
{
	struct views *v = context;
	must(v->shared[0] == 1 && v->copy[0] == 1 && v->copy[PAGE] == 2);
	v->shared[0] = 7;
	v->copy[0] = 8;
	must(v->shared[PAGE] == 0);
	char *more = MapViewOfFile(v->section, FILE_MAP_WRITE, 0, 0, 0);
	must(more && more[0] == 7);
	more[2 * PAGE] = 7;
	must(UnmapViewOfFile(more) && UnmapViewOfFile(v->shared) && UnmapViewOfFile(v->copy));
	must(CloseHandle(v->section) && !CloseHandle(v->section));
}

/* Both write to what both show; copies are each one's own. */
static void sections_stay_shared(void **state)
{
	struct views v = {.section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE,
	                                                0, 4 * PAGE, NULL)};
	begin(state);
	v.shared = MapViewOfFile(v.section, FILE_MAP_WRITE, 0, 0, 0);
	v.copy = MapViewOfFile(v.section, FILE_MAP_COPY, 0, 0, 0);
	assert_true(v.shared && v.copy);
	v.shared[0] = 1;
	v.copy[PAGE] = 2;
	in_child(write_views, &v);
	assert_int_equal(v.shared[0], 7);
	assert_int_equal(v.shared[2 * PAGE], 7);
	assert_int_equal(v.copy[0], 7); /* not copied here */
	assert_int_equal(v.copy[PAGE], 2);
	assert_true(UnmapViewOfFile(v.shared) && UnmapViewOfFile(v.copy));
	assert_true(CloseHandle(v.section));
}

/* AW: frames are the parent's. */
static void use_own_frames(void *window)
{
	ULONG_PTR frames[4], count = 4;
	must(!can_read(window));
	must(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames) && count == 4);
	must(MapUserPhysicalPages(window, 4, frames));
	memset(window, 0x77, 4 * PAGE);
}

static void frames_are_the_parents(void **state)
{
	ULONG_PTR frames[4], count = 4;
	begin(state);
	if (!with_privilege(SE_PRIVILEGE_ENABLED) ||
	    !AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames))
		skip();
	char *window = VirtualAlloc(NULL, 4 * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
	assert_true(MapUserPhysicalPages(window, count, frames));
	memset(window, 0x11, 4 * PAGE);
	in_child(use_own_frames, window);
	for (unsigned i = 0; i < 4 * PAGE; i++)
		assert_int_equal(window[i], 0x11);
	assert_true(FreeUserPhysicalPages(GetCurrentProcess(), &count, frames));
	assert_true(VirtualFree(window, 0, MEM_RELEASE));
}

/* What the child has mapped by itself is told of to it, and to it alone. */
static void ask_about_maps(void *memory)
{
	char *own = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(look(memory) == PAGE_READONLY);
	must(look(own) == PAGE_NOACCESS);
	munmap(memory, PAGE);
	must(look(memory) == MEM_FREE);
}

static void each_knows_its_own_mappings(void **state)
{
	char *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	begin(state);
	assert_int_equal(protect_at(memory), PAGE_READONLY);
	in_child(ask_about_maps, memory);
	assert_int_equal(protect_at(memory), PAGE_READONLY);
	munmap(memory, PAGE);
}

/* ---- while other threads are busy ------------------------------------------------------------ */

static atomic_bool stop;

static void use_memory(unsigned i)
{
	DWORD old;
	char *m = VirtualAlloc(NULL, (1 + i % 70) * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
	must(m);
	m[0] = 1;
	must(VirtualProtect(m, PAGE, PAGE_READONLY, &old));
	must(look(m) == PAGE_READONLY);
	must(VirtualFree(m, 0, MEM_RELEASE));
}

static void use_section(unsigned i)
{
	char name[32];
	snprintf(name, sizeof name, "Local\\fork-%d-%u", (int)getpid(), i);
	HANDLE s = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE | SEC_RESERVE, 0,
	                              64 * PAGE, i % 2 ? name : NULL);
	must(s);
	char *view = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	must(view && VirtualAlloc(view, PAGE, MEM_COMMIT, PAGE_READWRITE));
	view[0] = 1;
	must(UnmapViewOfFile(view) && CloseHandle(s));
}

static void use_file(const char *path)
{
	HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE,
	                          FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
	must(file != INVALID_HANDLE_VALUE);
	HANDLE s = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
	must(s);
	char *view = MapViewOfFile(s, FILE_MAP_WRITE, 0, 0, 0);
	must(view && view[0] == 'f');
	must(UnmapViewOfFile(view) && CloseHandle(s) && CloseHandle(file));
}

static LONG WINAPI pass_on(EXCEPTION_POINTERS *exception)
{
	(void)exception;
	return EXCEPTION_CONTINUE_SEARCH;
}

static void use_all(unsigned i, const char *path)
{
	use_memory(i);
	if (i % 4 == 1)
		use_section(i);
	if (i % 4 == 2)
		use_file(path);
	if (i % 4 == 3)
		must(RemoveVectoredExceptionHandler(AddVectoredExceptionHandler(0, pass_on)));
}

static void *be_busy(void *path)
{
	for (unsigned i = 0; !stop; i++)
		use_all(i, path);
	return NULL;
}

static void use_a_few(void *path)
{
	for (unsigned i = 0; i < 12; i++)
		use_all(i, path);
}

static void forks_amid_calls(void **state)
{
	char path[] = "/tmp/ntmm-fork-XXXXXX";
	int fd = mkstemp(path);
	pthread_t threads[3];
	begin(state);
	if (IS_SANITIZED)
		skip(); /* their own locks are not made for it */
	assert_int_equal(write(fd, "file", 4), 4);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, be_busy, path), 0);
	for (unsigned i = 0; i < 200; i++)
		in_child(use_a_few, path);
	stop = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_has_its_copy),
		cmocka_unit_test(children_fork_too),
		cmocka_unit_test(locks_are_not_handed_down),
		cmocka_unit_test(write_watch_goes_on),
		cmocka_unit_test(handlers_are_handed_down),
		cmocka_unit_test(sections_stay_shared),
		cmocka_unit_test(frames_are_the_parents),
		cmocka_unit_test(each_knows_its_own_mappings),
		cmocka_unit_test(forks_amid_calls),
	};
	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
