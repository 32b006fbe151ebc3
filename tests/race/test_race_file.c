/* SPDX-License-Identifier: MIT
 *
 * Threads that open and close the same few files: who opened one for himself alone is alone, sizes
 * are those that were set, and no descriptor is left.
 */
#include "race.h"

#include <fcntl.h>
#include <unistd.h>

#include <ntmm/file.h>

#define THREADS 4
#define FILES 3
#define RW (GENERIC_READ | GENERIC_WRITE)
#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static char directory[] = "/tmp/ntmm-race-XXXXXX";

struct scene {
	char path[FILES][64];
	_Atomic unsigned alone[FILES], together[FILES];
	_Atomic uint64_t opened, refused;
};

static unsigned count_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* The file's position is the handle's own: others that set sizes meanwhile do not disturb it. */
static void use_alone(struct scene *s, unsigned i, HANDLE file, uint64_t *state)
{
	LARGE_INTEGER size = {.QuadPart = (LONGLONG)(draw(state) % 100000)}, is;
	MUST(atomic_fetch_add(&s->alone[i], 1) == 0);
	MUST(!s->together[i]);
	MUST(SetFilePointerEx(file, size, NULL, FILE_BEGIN) && SetEndOfFile(file));
	race_pause(state);
	MUST(GetFileSizeEx(file, &is) && is.QuadPart == size.QuadPart);
	atomic_fetch_sub(&s->alone[i], 1);
}

static void use_together(struct scene *s, unsigned i, HANDLE file, uint64_t *state)
{
	LARGE_INTEGER is;
	atomic_fetch_add(&s->together[i], 1);
	MUST(!s->alone[i]);
	race_pause(state);
	MUST(GetFileSizeEx(file, &is));
	atomic_fetch_sub(&s->together[i], 1);
}

static HANDLE from_descriptor(const char *path)
{
	HANDLE file = INVALID_HANDLE_VALUE;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	NTSTATUS status = ntmm_file_from_fd(fd, GENERIC_READ, &file);
	MUST(!status || status == STATUS_SHARING_VIOLATION);
	close(fd);
	return file;
}

static void open_and_close(void *context, unsigned number)
{
	struct scene *s = context;
	uint64_t state = number;
	while (race_goes_on()) {
		unsigned i = (unsigned)draw(&state) % FILES, way = (unsigned)draw(&state) % 3;
		const char *path = s->path[i];
		HANDLE file = way == 2 ? from_descriptor(path)
		                       : CreateFileA(path, way ? RW : GENERIC_READ,
		                                     way ? 0 : SHARE_ALL, NULL, OPEN_EXISTING, 0,
		                                     NULL);
		if (file == INVALID_HANDLE_VALUE) {
			MUST(way == 2 || GetLastError() == ERROR_SHARING_VIOLATION);
			s->refused++;
			continue;
		}
		(way == 1 ? use_alone : use_together)(s, i, file, &state);
		MUST(CloseHandle(file));
		s->opened++;
	}
}

static void test_open_and_close(void **unused)
{
	static struct scene scene;
	struct runner runners[THREADS];
	(void)unused;
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(scene.path[i], sizeof scene.path[i], "%s/%u", directory, i);
		HANDLE file = CreateFileA(scene.path[i], RW, 0, NULL, CREATE_NEW, 0, NULL);
		MUST(file != INVALID_HANDLE_VALUE && CloseHandle(file));
	}
	unsigned before = count_descriptors();
	race_begin(1);
	for (unsigned i = 0; i < THREADS; i++)
		race_start(&runners[i], open_and_close, &scene, i);
	race_join(runners, THREADS);
	assert_int_equal(count_descriptors(), before);
	assert_true(scene.opened && scene.refused);
	for (unsigned i = 0; i < FILES; i++)
		unlink(scene.path[i]);
}

static int make_directory(void **unused)
{
	(void)unused;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **unused)
{
	(void)unused;
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_and_close),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
