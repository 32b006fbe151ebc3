/* SPDX-License-Identifier: MIT
 *
 * Threads of two processes that map, use and give up one image and one data file, in less memory than
 * they need: what is relocated is right, what is private stays so, what is written to the file is found
 * there (IM-3, IM-13, S13, S32, SC-14).
 */
#include "race.h"

#include <unistd.h>

#include <ntmm/file.h>

#include "support/pe.h"

#define THREADS 4 /* two of each process */
#define TEXT_PAGES 8
#define DATA_PAGES 4
#define FILE_PAGES 40
#define BASE 0x10000000u

struct scene {
	ntmm_machine *machine;
	HANDLE process[2], image, data; /* handles of files */
	int image_fd, data_fd;
	uint32_t text, writable; /* relative addresses */
	uint64_t last[THREADS];  /* that a thread has stored in its place of each page of the file */
	_Atomic uint64_t images, datas;
};

/* ---- the files ------------------------------------------------------------------------------- */

/* Each word is its own relative address; the second of each page of code is to become an address. */
static int make_image(struct scene *s)
{
	uint64_t words[TEXT_PAGES * PAGE / 8];
	struct pe_fixup fixups[TEXT_PAGES];
	struct pe *pe = pe_new(PE_64, BASE);
	for (unsigned i = 0; i < TEXT_PAGES * PAGE / 8; i++)
		words[i] = PAGE + i * 8;
	for (unsigned page = 0; page < TEXT_PAGES; page++) {
		words[page * PAGE / 8 + 1] += BASE;
		fixups[page] = (struct pe_fixup){(uint32_t)(PAGE + page * PAGE + 8), PE_DIR64, 0};
	}
	s->text = pe_section(pe, ".text", words, sizeof words, sizeof words, PE_CODE);
	MUST(s->text == PAGE);
	s->writable = pe_section(pe, ".data", words, DATA_PAGES * PAGE, DATA_PAGES * PAGE, PE_DATA);
	pe_relocations(pe, fixups, TEXT_PAGES / 2); /* the other half can be shared */
	int fd = pe_open(pe);
	pe_free(pe);
	return fd;
}

static int make_data(void)
{
	char name[] = "/tmp/ntmm-race-XXXXXX";
	int fd = mkstemp(name);
	MUST(fd >= 0 && !unlink(name) && !ftruncate(fd, FILE_PAGES * PAGE));
	return fd;
}

/* ---- what the threads do --------------------------------------------------------------------- */

struct actor {
	struct scene *scene;
	unsigned number;
	ntmm_thread *thread;
	uint64_t state;
};

static uint64_t load(const struct actor *a, uint64_t address)
{
	uint64_t value;
	MUST(ntmm_load64(a->thread, address, &value));
	return value;
}

static void check_code(struct actor *a, uint64_t base)
{
	const struct scene *s = a->scene;
	unsigned page = (unsigned)draw(&a->state) % TEXT_PAGES;
	uint64_t rva = s->text + page * PAGE;
	uint64_t moved = page < TEXT_PAGES / 2 ? base : BASE;
	MUST(load(a, base + rva + 8) == moved + rva + 8);
	MUST(load(a, base + rva + 16) == rva + 16);
}

/* The view is this thread's: nobody else writes to it. */
static void check_private(struct actor *a, uint64_t base, uint64_t *mine)
{
	unsigned page = (unsigned)draw(&a->state) % DATA_PAGES;
	uint64_t address = base + a->scene->writable + page * PAGE + 64;
	MUST(load(a, address) == (mine[page] ? mine[page] : page * PAGE + PAGE + 64));
	if (draw(&a->state) % 2)
		return;
	mine[page] = draw(&a->state) | 1;
	MUST(ntmm_store64(a->thread, address, mine[page]));
}

static void use_image(struct actor *a)
{
	uint64_t mine[DATA_PAGES] = {0};
	HANDLE section = CreateFileMappingA(a->scene->image, NULL, PAGE_READONLY | SEC_IMAGE, 0, 0,
	                                    NULL);
	MUST(section);
	void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
	MUST(view);
	MUST(CloseHandle(section));
	for (unsigned steps = (unsigned)draw(&a->state) % 40; steps; steps--) {
		check_code(a, (uint64_t)(uintptr_t)view);
		check_private(a, (uint64_t)(uintptr_t)view, mine);
	}
	MUST(UnmapViewOfFile(view));
	a->scene->images++;
}

static void use_data(struct actor *a)
{
	uint64_t place = a->number * 8;
	HANDLE section = CreateFileMappingA(a->scene->data, NULL, PAGE_READWRITE, 0, 0, NULL);
	MUST(section);
	void *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
	MUST(view);
	MUST(CloseHandle(section));
	uint64_t last = a->scene->last[a->number], next = last + 1;
	for (unsigned page = 0; page < FILE_PAGES; page++) {
		uint64_t address = (uint64_t)(uintptr_t)view + page * PAGE + place;
		MUST(load(a, address) == last);
		MUST(ntmm_store64(a->thread, address, next));
	}
	a->scene->last[a->number] = next;
	if (draw(&a->state) % 4 == 0)
		MUST(FlushViewOfFile(view, 0));
	MUST(UnmapViewOfFile(view));
	a->scene->datas++;
}

static void act(void *context, unsigned number)
{
	struct scene *s = context;
	struct actor a = {.scene = s, .number = number, .state = number};
	a.thread = race_thread(s->process[number % 2]);
	MUST(ntmm_thread_attach(a.thread));
	while (race_goes_on())
		draw(&a.state) % 3 ? use_image(&a) : use_data(&a);
	ntmm_thread_detach();
	ntmm_thread_destroy(a.thread);
}

static void check_file(const struct scene *s)
{
	for (unsigned page = 0; page < FILE_PAGES; page++) {
		uint64_t words[THREADS];
		MUST(pread(s->data_fd, words, sizeof words, (off_t)(page * PAGE)) == sizeof words);
		for (unsigned i = 0; i < THREADS; i++)
			MUST(words[i] == s->last[i]);
	}
}

static void images_and_data(void **unused)
{
	struct scene s = {.machine = race_machine(128, 256)};
	struct runner runners[THREADS];
	(void)unused;
	race_begin(1);
	s.image_fd = make_image(&s);
	s.data_fd = make_data();
	MUST(!ntmm_file_from_fd(s.image_fd, GENERIC_READ, &s.image));
	MUST(!ntmm_file_from_fd(s.data_fd, GENERIC_READ | GENERIC_WRITE, &s.data));
	for (unsigned i = 0; i < 2; i++)
		MUST(s.process[i] = ntmm_process_create(s.machine, NTMM_LAYOUT_NT64_128TB));
	for (unsigned i = 0; i < THREADS; i++)
		race_start(&runners[i], act, &s, i);
	race_join(runners, THREADS);
	check_file(&s);
	for (unsigned i = 0; i < 2; i++)
		MUST(CloseHandle(s.process[i]));
	MUST(CloseHandle(s.image) && CloseHandle(s.data));
	close(s.image_fd);
	close(s.data_fd);
	print_message("%" PRIu64 " images, %" PRIu64 " data views\n", s.images, s.datas);
	race_machine_end(s.machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_and_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
