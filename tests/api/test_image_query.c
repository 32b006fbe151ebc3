/* SPDX-License-Identifier: MIT
 *
 * What NtQuerySection tells of sections of files (SC-13, SC-16).
 */
#include "image.h"

static SECTION_BASIC_INFORMATION basic(HANDLE section)
{
	SECTION_BASIC_INFORMATION info;
	uint64_t returned;
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, sizeof info,
	                                &returned),
	                 STATUS_SUCCESS);
	assert_int_equal(returned, sizeof info);
	assert_null(info.BaseAddress);
	return info;
}

/* SC-13, SC-16. */
static void told(void **state)
{
	struct loaded *l = *state;
	HANDLE section = l->two->section;
	assert_int_equal(basic(section).Attributes, SEC_FILE | SEC_IMAGE);
	assert_int_equal(basic(section).Size, IMAGE_PAGES * PAGE);
	section = CreateFileMappingA(l->file, NULL, PAGE_READONLY | SEC_IMAGE_NO_EXECUTE, 0, 0,
	                             NULL);
	assert_int_equal(basic(section).Attributes, SEC_FILE | SEC_IMAGE | SEC_NOCACHE);
	CloseHandle(section);
	static const DWORD data[] = {SEC_COMMIT, SEC_RESERVE};
	for (unsigned i = 0; i < 2; i++) {
		section = CreateFileMappingA(l->file, NULL, PAGE_READONLY | data[i], 0, 0, NULL);
		assert_int_equal(basic(section).Attributes, SEC_FILE);
		assert_int_equal(basic(section).Size, l->pe->size);
		void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
		assert_int_equal(state_at(view), MEM_COMMIT);
		assert_true(UnmapViewOfFile(view));
		CloseHandle(section);
	}
}

/* SC-13: what the headers say. */
static void headers(void **state)
{
	struct loaded *l = *state;
	SECTION_IMAGE_INFORMATION info;
	uint64_t returned;
	CloseHandle(l->two->section);
	CloseHandle(l->file);
	close(l->fd);
	pe_set(l->pe, PE_ENTRY, 4, 0x1234);
	pe_set(l->pe, PE_CHECKSUM, 4, 0xABCDEF01);
	pe_set(l->pe, PE_SUBSYSTEM_MAJOR, 2, 5);
	pe_set(l->pe, PE_SUBSYSTEM_MAJOR + 2, 2, 2);
	pe_set(l->pe, PE_OPTIONAL + 40, 2, 10);
	pe_set(l->pe, PE_OPTIONAL + 42, 2, 1);
	pe_set(l->pe, PE_DLL_CHARACTERISTICS, 2, 0x140);
	image_open(l, l->pe);
	assert_int_equal(sizeof info, 64);
	assert_int_equal(NtQuerySection(l->two->section, SectionImageInformation, &info,
	                                sizeof info, &returned),
	                 STATUS_SUCCESS);
	assert_int_equal(returned, 64);
	assert_ptr_equal(info.TransferAddress, at(IMAGE_BASE + 0x1234));
	assert_int_equal(info.ZeroBits, 0);
	assert_int_equal(info.MaximumStackSize, 0x100000);
	assert_int_equal(info.CommittedStackSize, PAGE);
	assert_int_equal(info.SubSystemType, 3);
	assert_int_equal(info.SubSystemVersion, 0x00050002);
	assert_int_equal(info.OperatingSystemVersion, 0x0001000A);
	assert_int_equal(info.ImageCharacteristics, PE_EXECUTABLE);
	assert_int_equal(info.DllCharacteristics, 0x140);
	assert_int_equal(info.Machine, 0x14C);
	assert_true(info.ImageContainsCode);
	assert_int_equal(info.ImageFlags, 0);
	assert_int_equal(info.ImageFileSize, l->pe->size);
	assert_int_equal(info.CheckSum, 0xABCDEF01);
}

/* SC-13: the errors, in this order; nothing is written. */
static void not_told(void **state)
{
	struct loaded *l = *state;
	HANDLE section = l->two->section, data, blind;
	union {
		SECTION_IMAGE_INFORMATION image;
		uint8_t bytes[64];
	} info, before;
	memset(&info, 0x5A, sizeof info);
	before = info;
	assert_int_equal(NtQuerySection(section, 7, &info, 64, NULL), STATUS_INVALID_INFO_CLASS);
	assert_int_equal(NtQuerySection(section, SectionImageInformation, &info, 63, NULL),
	                 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(NtQuerySection(section, SectionBasicInformation, &info, 23, NULL),
	                 STATUS_INFO_LENGTH_MISMATCH);
	assert_int_equal(NtQuerySection(section, SectionImageInformation, NULL, 64, NULL),
	                 STATUS_ACCESS_VIOLATION);
	data = CreateFileMappingA(l->file, NULL, PAGE_READONLY, 0, 0, NULL);
	assert_int_equal(NtQuerySection(data, SectionImageInformation, &info, 64, NULL),
	                 STATUS_SECTION_NOT_IMAGE);
	CloseHandle(data);
	data = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READONLY, 0, PAGE, NULL);
	assert_int_equal(NtQuerySection(data, SectionImageInformation, &info, 64, NULL),
	                 STATUS_SECTION_NOT_IMAGE);
	CloseHandle(data);
	assert_int_equal(NtCreateSection(&blind, SECTION_MAP_READ, NULL, NULL, PAGE_READONLY,
	                                 SEC_IMAGE, l->file),
	                 STATUS_SUCCESS);
	assert_int_equal(NtQuerySection(blind, SectionImageInformation, &info, 64, NULL),
	                 STATUS_ACCESS_DENIED);
	NtClose(blind);
	assert_memory_equal(&info, &before, sizeof info);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		image_test(told),
		image_test(headers),
		image_test(not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
