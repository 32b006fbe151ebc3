/* SPDX-License-Identifier: MIT
 *
 * Making sections that are backed by the paging file (rules SC): arguments, attributes, sizes, what can
 * be asked of them.
 */
#include <ntmm/ntapi.h>

#include "place.h"

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)

static NTSTATUS create(HANDLE *section, uint64_t bytes, uint32_t protect, uint32_t attributes)
{
	return NtCreateSection(section, SECTION_ALL_ACCESS, NULL, &bytes, protect, attributes, NULL);
}

static HANDLE create_win32(uint64_t bytes, DWORD protect)
{
	return CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, bytes >> 32, (DWORD)bytes,
	                          NULL);
}

static void expect_native(uint64_t bytes, uint32_t protect, uint32_t attributes, NTSTATUS expected)
{
	HANDLE untouched = (HANDLE)(intptr_t)0x1230, section = untouched;
	NTSTATUS status = create(&section, bytes, protect, attributes);
	if (status != expected)
		fail_msg("%#llx bytes, protection %#x, attributes %#x: %#x, not %#x",
		         (unsigned long long)bytes, protect, attributes, (unsigned)status,
		         (unsigned)expected);
	if (status)
		assert_ptr_equal(section, untouched); /* G-2, G-8 */
	else
		assert_int_equal(NtClose(section), STATUS_SUCCESS);
}

static void expect_error(uint64_t bytes, DWORD protect, DWORD error)
{
	SetLastError(UNTOUCHED);
	HANDLE section = create_win32(bytes, protect);
	if (error)
		assert_null(section);
	else
		assert_non_null(section);
	assert_int_equal(GetLastError(), error); /* SC-10: 0 on success */
	if (section)
		assert_true(CloseHandle(section));
}

/* SC-1: the bits are told apart; without any, SEC_COMMIT. */
static void attributes_of_win32(void **state)
{
	SECTION_BASIC_INFORMATION info;
	(void)state;
	HANDLE section = create_win32(PAGE, PAGE_READWRITE);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(info.Attributes, SEC_COMMIT);
	CloseHandle(section);
	section = create_win32(PAGE, PAGE_READWRITE | SEC_RESERVE | SEC_NOCACHE);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(info.Attributes, SEC_RESERVE | SEC_NOCACHE);
	CloseHandle(section);
}

/* SC-2: every value of eight bits, alone and with each modifier. */
static void protections(void **state)
{
	static const uint32_t modifiers[] = {0, PAGE_GUARD, PAGE_NOCACHE, PAGE_WRITECOMBINE, 0x800,
	                                     PAGE_TARGETS_INVALID};
	(void)state;
	for (uint32_t base = 0; base < 0x100; base++) {
		bool good = base == PAGE_READONLY || base == PAGE_READWRITE ||
		            base == PAGE_WRITECOPY || base == PAGE_EXECUTE_READ ||
		            base == PAGE_EXECUTE_READWRITE || base == PAGE_EXECUTE_WRITECOPY;
		for (unsigned i = 0; i < sizeof modifiers / sizeof modifiers[0]; i++)
			expect_native(PAGE, base | modifiers[i], SEC_COMMIT,
			              good && !i ? STATUS_SUCCESS : STATUS_INVALID_PAGE_PROTECTION);
		expect_error(PAGE, base, good ? 0 : ERROR_INVALID_PARAMETER);
	}
	expect_error(PAGE, PAGE_READWRITE | PAGE_GUARD, ERROR_INVALID_PARAMETER);
	expect_error(PAGE, PAGE_READWRITE | PAGE_NOCACHE, ERROR_INVALID_PARAMETER);
}

/* SC-4 and the table of attributes: the column of the paging file, all combinations. */
static NTSTATUS status_of(uint32_t attributes)
{
	switch (attributes) {
	case SEC_COMMIT:
	case SEC_COMMIT | SEC_NOCACHE:
	case SEC_COMMIT | SEC_WRITECOMBINE:
	case SEC_RESERVE:
	case SEC_RESERVE | SEC_NOCACHE:
	case SEC_RESERVE | SEC_WRITECOMBINE:
		return STATUS_SUCCESS;
	case SEC_COMMIT | SEC_LARGE_PAGES:
		return STATUS_PRIVILEGE_NOT_HELD; /* LP-11 */
	case SEC_IMAGE:
	case SEC_IMAGE_NO_EXECUTE:
		return STATUS_INVALID_FILE_FOR_SECTION; /* SC-12 */
	default:
		return STATUS_INVALID_PARAMETER_6;
	}
}

static const uint32_t attribute_bits[] = {SEC_FILE, SEC_IMAGE, SEC_RESERVE, SEC_COMMIT, SEC_NOCACHE,
                                          SEC_WRITECOMBINE, SEC_LARGE_PAGES};
#define ATTRIBUTE_BITS (sizeof attribute_bits / sizeof attribute_bits[0])

static void attributes(void **state)
{
	(void)state;
	for (unsigned set = 0; set < 1u << ATTRIBUTE_BITS; set++) {
		uint32_t sum = 0;
		for (unsigned i = 0; i < ATTRIBUTE_BITS; i++)
			sum |= set >> i & 1 ? attribute_bits[i] : 0;
		NTSTATUS expected = status_of(sum);
		expect_native(PAGE, PAGE_READWRITE, sum, expected);
		if (!sum)
			expected = STATUS_SUCCESS; /* SC-1 */
		expect_error(PAGE, PAGE_READWRITE | sum,
		             expected ? RtlNtStatusToDosError(expected) : 0);
	}
	assert_int_equal(RtlNtStatusToDosError(STATUS_INVALID_FILE_FOR_SECTION),
	                 ERROR_BAD_EXE_FORMAT);
	expect_native(PAGE, PAGE_READWRITE, SEC_COMMIT | 1, STATUS_INVALID_PARAMETER_6);
}

/* SC-3, SC-9. What does not fit the commit limit is another matter. */
static void sizes(void **state)
{
	(void)state;
	expect_error(0, PAGE_READWRITE, ERROR_INVALID_PARAMETER);
	expect_native(0, PAGE_READWRITE, SEC_COMMIT, STATUS_INVALID_PARAMETER_4);
	expect_native(8 * GB, PAGE_READWRITE, SEC_RESERVE, STATUS_SUCCESS);
	expect_native(8 * TB, PAGE_READWRITE, SEC_RESERVE, STATUS_INSUFFICIENT_RESOURCES);
	expect_native(128 * TB, PAGE_READWRITE, SEC_RESERVE, STATUS_SECTION_TOO_BIG);
	expect_native(8 * GB, PAGE_READWRITE, SEC_COMMIT, STATUS_COMMITMENT_LIMIT);
	expect_error(8 * GB, PAGE_READWRITE | SEC_RESERVE, 0);
	expect_error(8 * TB, PAGE_READWRITE | SEC_RESERVE, ERROR_NO_SYSTEM_RESOURCES);
	expect_error(128 * TB, PAGE_READWRITE | SEC_RESERVE, ERROR_NOT_ENOUGH_MEMORY);
	expect_error(8 * GB, PAGE_READWRITE, ERROR_COMMITMENT_LIMIT);
	for (uint64_t bytes = UINT64_MAX; bytes > UINT64_MAX - 3 * PAGE; bytes -= PAGE - 1)
		expect_error(bytes, PAGE_READWRITE | SEC_RESERVE, ERROR_INVALID_PARAMETER);
	assert_null(CreateFileMappingA(NULL, NULL, PAGE_READWRITE, 0, 0, NULL));
	assert_int_equal(GetLastError(), ERROR_INVALID_PARAMETER);
	HANDLE section = CreateFileMappingA(NULL, NULL, PAGE_READWRITE, 0, PAGE, NULL);
	assert_non_null(section); /* SC-3: NULL is as INVALID_HANDLE_VALUE */
	CloseHandle(section);
	assert_null(CreateFileMappingA(at(0x123456), NULL, PAGE_READWRITE, 0, PAGE, NULL));
	assert_int_equal(GetLastError(), ERROR_INVALID_HANDLE);
}

/* G-6: protection, pointers, then the rest; attributes are bits too. */
static void order_of_checks(void **state)
{
	uint64_t bytes = PAGE;
	HANDLE section;
	(void)state;
	assert_int_equal(create(&section, 0, 0, 0), STATUS_INVALID_PARAMETER_6);
	assert_int_equal(create(&section, 0, 0, SEC_COMMIT), STATUS_INVALID_PAGE_PROTECTION);
	assert_int_equal(create(NULL, PAGE, PAGE_READWRITE, SEC_COMMIT), STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, at(0x1000), PAGE_READWRITE,
	                                 SEC_COMMIT, NULL),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, at(8), &bytes, PAGE_READWRITE,
	                                 SEC_COMMIT, NULL),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtCreateSection(&section, SECTION_ALL_ACCESS, NULL, NULL, PAGE_READWRITE,
	                                 SEC_COMMIT, NULL),
	                 STATUS_INVALID_PARAMETER_4);
}

/* SC-6, SC-13: the size in whole pages, the attributes, no address. */
static void basic_information(void **state)
{
	static const struct {
		uint64_t bytes, size;
		uint32_t attributes;
	} cases[] = {
		{1, PAGE, SEC_COMMIT},
		{4090, PAGE, SEC_COMMIT},
		{PAGE, PAGE, SEC_RESERVE},
		{0x3452, 0x4000, SEC_COMMIT | SEC_NOCACHE},
		{0x3452, 0x4000, SEC_RESERVE | SEC_WRITECOMBINE},
		{8 * GB - 1, 8 * GB, SEC_RESERVE | SEC_NOCACHE},
	};
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		SECTION_BASIC_INFORMATION info = {.BaseAddress = at(1)};
		uint64_t returned = 0;
		HANDLE section;
		assert_int_equal(create(&section, cases[i].bytes, PAGE_READONLY, cases[i].attributes),
		                 STATUS_SUCCESS);
		assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info,
		                                &returned),
		                 STATUS_SUCCESS);
		assert_null(info.BaseAddress);
		assert_int_equal(info.Attributes, cases[i].attributes);
		assert_int_equal(info.Size, cases[i].size);
		assert_int_equal(returned, sizeof info);
		NtClose(section);
	}
}

/* SC-13: what NtQuerySection refuses. */
static void refused_questions(void **state)
{
	struct place *place = *state;
	SECTION_BASIC_INFORMATION info;
	HANDLE section, blind;
	uint64_t bytes = PAGE;
	uint8_t large[256];
	assert_int_equal(create(&section, PAGE, PAGE_READWRITE, SEC_COMMIT), STATUS_SUCCESS);
	assert_int_equal(NtCreateSection(&blind, SECTION_MAP_READ | SECTION_MAP_WRITE, NULL, &bytes,
	                                 PAGE_READWRITE, SEC_COMMIT, NULL),
	                 STATUS_SUCCESS);
	assert_int_equal(NtQuerySection(blind, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_ACCESS_DENIED);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info - 1, NULL),
	                 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, NULL, sizeof info, NULL),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, UINT64_MAX, NULL),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, at(16)),
	                 STATUS_ACCESS_VIOLATION);
	assert_int_equal(NtQuerySection(section, (SECTION_INFORMATION_CLASS)99, large, sizeof large,
	                                NULL),
	                 STATUS_INVALID_INFO_CLASS);
	assert_int_equal(NtQuerySection(NULL, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_INVALID_HANDLE);
	assert_int_equal(NtQuerySection(place->process, SectionBasicInformation, &info, sizeof info,
	                                NULL),
	                 STATUS_OBJECT_TYPE_MISMATCH); /* G-3 */
	NtClose(section);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info, NULL),
	                 STATUS_INVALID_HANDLE);
	NtClose(blind);
}

/* Who asks says whose a section is: a machine's cannot be mapped in the host process, nor the other way
 * round. */
static void whose_it_is(void **state)
{
	struct place *place = *state;
	HANDLE theirs, own;
	assert_int_equal(create(&theirs, PAGE, PAGE_READWRITE, SEC_COMMIT), STATUS_SUCCESS);
	ntmm_thread_detach();
	assert_int_equal(create(&own, PAGE, PAGE_READWRITE, SEC_COMMIT), STATUS_SUCCESS);
	assert_fails(MapViewOfFile(theirs, FILE_MAP_WRITE, 0, 0, 0), ERROR_NOT_SAME_DEVICE);
	assert_true(ntmm_thread_attach(place->thread));
	assert_fails(MapViewOfFile(own, FILE_MAP_WRITE, 0, 0, 0), ERROR_NOT_SAME_DEVICE);
	NtClose(own);
	NtClose(theirs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		place_test(attributes_of_win32),
		place_test(protections),
		place_test(attributes),
		place_test(sizes),
		place_test(order_of_checks),
		place_test(basic_information),
		place_test(refused_questions),
		place_test(whose_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
