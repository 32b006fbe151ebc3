/* SPDX-License-Identifier: MIT */
#include "guest.h"

#define KEPT (4 * MB) /* of RAM, for tables and what the machine keeps back */

void guest_begin(struct guest *guest, uint64_t ram, uint64_t paging_file)
{
	ntmm_machine_config config = {
		.size = sizeof config, .ram_bytes = ram, .paging_file_bytes = paging_file};
	guest_begin_as(guest, &config);
}

static void begin(struct guest *guest, const ntmm_machine_config *config, ntmm_layout layout)
{
	if (ntmm_machine_create(config, &guest->machine))
		die("no machine: %s", ntmm_error_message());
	guest->process = ntmm_process_create(guest->machine, layout);
	must(guest->process != NULL, "ntmm_process_create");
	guest->thread = ntmm_thread_create(guest->process, NULL);
	must(guest->thread != NULL, "ntmm_thread_create");
}

void guest_begin_as(struct guest *guest, const ntmm_machine_config *config)
{
	begin(guest, config, NTMM_LAYOUT_NT64_128TB);
}

void guest_begin_to_run(struct guest *guest, uint64_t ram)
{
	const ntmm_machine_config config = {
		.size = sizeof config, .flags = NTMM_MACHINE_SHARED_RAM, .ram_bytes = ram};
	begin(guest, &config, NTMM_LAYOUT_NT64_8TB);
}

void guest_end(struct guest *guest)
{
	ntmm_thread_destroy(guest->thread);
	must(CloseHandle(guest->process), "CloseHandle");
	ntmm_machine_destroy(guest->machine);
}

static uint64_t allocate(const struct guest *guest, uint64_t bytes, DWORD type)
{
	uint64_t address =
		(uintptr_t)VirtualAllocEx(guest->process, NULL, bytes, type, PAGE_READWRITE);
	if (!address)
		die("VirtualAllocEx of %lu KB: error %u", (unsigned long)(bytes / KB),
		    GetLastError());
	return address;
}

uint64_t guest_reserve(const struct guest *guest, uint64_t bytes)
{
	return allocate(guest, bytes, MEM_RESERVE);
}

uint64_t guest_commit(const struct guest *guest, uint64_t bytes)
{
	return allocate(guest, bytes, MEM_RESERVE | MEM_COMMIT);
}

void guest_release(const struct guest *guest, uint64_t address)
{
	must(VirtualFreeEx(guest->process, address_pointer(address), 0, MEM_RELEASE),
	     "VirtualFreeEx");
}

double guest_store_pages(const struct guest *guest, uint64_t address, uint64_t bytes)
{
	double begin = now();
	for (uint64_t at = address; at < address + bytes; at += PAGE)
		must(ntmm_store64(guest->thread, at, at), "ntmm_store64");
	return now() - begin;
}

double guest_load_pages(const struct guest *guest, uint64_t address, uint64_t bytes)
{
	uint64_t value = 0;
	double begin = now();
	for (uint64_t at = address; at < address + bytes; at += PAGE)
		must(ntmm_load64(guest->thread, at, &value), "ntmm_load64");
	use(value);
	return now() - begin;
}

void guest_populate(const struct guest *guest, uint64_t ram)
{
	uint64_t address = guest_commit(guest, ram - KEPT);
	guest_store_pages(guest, address, ram - KEPT);
	guest_release(guest, address);
}

const char *guest_page(const struct guest *guest, uint64_t address)
{
	ntmm_page_info info = {.size = sizeof info};
	must(!ntmm_process_page_info(guest->process, address, &info), "ntmm_process_page_info");
	must(info.where == NTMM_PAGE_ACTIVE, "a page that was touched is in memory");
	return (const char *)ntmm_machine_ram(guest->machine, NULL) + info.frame * PAGE;
}

ntmm_machine_counters guest_counters(const struct guest *guest)
{
	ntmm_machine_counters counters = {.size = sizeof counters};
	must(!ntmm_machine_get_counters(guest->machine, &counters), "ntmm_machine_get_counters");
	return counters;
}
