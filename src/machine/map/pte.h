/* SPDX-License-Identifier: MIT
 *
 * Page-map entries: the only file that sees their bits.
 *
 * Present (x86-64; the processor's):
 *
 *   63 62      57 56     52 51          12 11  9  8  7  6  5  4   3   2 1 0
 *   NX  ignored   Windows   frame          SW.... G PS  D  A PCD PWT  U W P
 *       57, 58:   protection               11: may be written
 *       locks of a section's page
 *
 * Not present (PG-10 to PG-14), told apart by bits 10 (prototype: sections) and 11 (transition):
 *
 *   zero         all 0: ask space_decide()
 *   demand zero  12: contents were discarded (RESET_UNDO, Reclaim ask); 13: of a view, zero and the
 *                process's own; 5-9 protection
 *   transition   11 = 1; 12-47 frame, 5-9 protection
 *   paged out    1-4 paging file, 5-9 protection, 32-63 page of it (never 0)
 *
 * Entries are read and written whole and atomically: a processor may walk while we change them. A store
 * releases what the entry leads to, a table's entries or a page's contents, to a walk that acquires it.
 */
#ifndef NTMM_MACHINE_MAP_PTE_H
#define NTMM_MACHINE_MAP_PTE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/phys/phys.h"
#include "machine/store/slot.h"
#include "space/prot.h"

struct pte {
	uint64_t raw;
};

#define PTE_PRESENT (UINT64_C(1) << 0)
#define PTE_WRITABLE (UINT64_C(1) << 1)
#define PTE_USER (UINT64_C(1) << 2)
#define PTE_WRITE_THROUGH (UINT64_C(1) << 3)
#define PTE_CACHE_DISABLE (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY (UINT64_C(1) << 6)
#define PTE_LARGE (UINT64_C(1) << 7)
#define PTE_SOFTWARE_WRITE (UINT64_C(1) << 11)
#define PTE_TRANSITION (UINT64_C(1) << 11)
#define PTE_DISCARDED (UINT64_C(1) << 12)
#define PTE_OWN_ZERO (UINT64_C(1) << 13)
#define PTE_LOCK_SHIFT 57
#define PTE_LOCK_PROCESS (UINT64_C(1) << PTE_LOCK_SHIFT)
#define PTE_LOCK_SYSTEM (UINT64_C(1) << (PTE_LOCK_SHIFT + 1))
#define PTE_LOCKED (PTE_LOCK_PROCESS | PTE_LOCK_SYSTEM)
#define PTE_NO_EXECUTE (UINT64_C(1) << 63)
#define PTE_FRAME_MASK UINT64_C(0x0000FFFFFFFFF000)
#define PTE_PROT_SHIFT 52
#define PTE_SOFT_PROT_SHIFT 5
#define PTE_FILE_SHIFT 1
#define PTE_SLOT_SHIFT 32

static inline struct pte pte_load(const struct pte *entry)
{
	return (struct pte){__atomic_load_n(&entry->raw, __ATOMIC_RELAXED)};
}

static inline struct pte pte_load_acquire(const struct pte *entry)
{
	return (struct pte){__atomic_load_n(&entry->raw, __ATOMIC_ACQUIRE)};
}

static inline void pte_store(struct pte *entry, struct pte value)
{
	__atomic_store_n(&entry->raw, value.raw, __ATOMIC_RELEASE);
}

/* Returns what was there. */
static inline struct pte pte_set_bits(struct pte *entry, uint64_t bits)
{
	return (struct pte){__atomic_fetch_or(&entry->raw, bits, __ATOMIC_RELAXED)};
}

static inline struct pte pte_clear_bits(struct pte *entry, uint64_t bits)
{
	return (struct pte){__atomic_fetch_and(&entry->raw, ~bits, __ATOMIC_RELAXED)};
}

static inline bool pte_is_zero(struct pte p)
{
	return p.raw == 0;
}

static inline bool pte_is_present(struct pte p)
{
	return p.raw & PTE_PRESENT;
}

static inline bool pte_is_transition(struct pte p)
{
	return (p.raw & (PTE_PRESENT | PTE_TRANSITION)) == PTE_TRANSITION;
}

/* Refers to a frame. */
static inline bool pte_is_resident(struct pte p)
{
	return pte_is_present(p) || pte_is_transition(p);
}

static inline bool pte_is_paged_out(struct pte p)
{
	return !pte_is_resident(p) && p.raw >> PTE_SLOT_SHIFT;
}

static inline bool pte_is_discarded(struct pte p)
{
	return !pte_is_resident(p) && !pte_is_paged_out(p) && (p.raw & PTE_DISCARDED);
}

static inline frame_t pte_frame(struct pte p)
{
	return (frame_t)((p.raw & PTE_FRAME_MASK) >> PAGE_SHIFT);
}

/* Where that frame begins in RAM, in bytes. */
static inline uint64_t pte_ram_offset(struct pte p)
{
	return p.raw & PTE_FRAME_MASK;
}

static inline slot_t pte_slot(struct pte p)
{
	return slot_of(p.raw >> PTE_FILE_SHIFT & (SLOT_FILES - 1),
	               (uint32_t)(p.raw >> PTE_SLOT_SHIFT));
}

static inline bool pte_has(struct pte p, uint64_t bits)
{
	return p.raw & bits;
}

static inline bool pte_is_dirty(struct pte p)
{
	return p.raw & PTE_DIRTY;
}

static inline bool pte_is_accessed(struct pte p)
{
	return p.raw & PTE_ACCESSED;
}

/* FRAME_LOCK_ flags as bits of an entry that shows a section's page, and back. */
static inline uint64_t pte_lock_bits(unsigned locks)
{
	return (uint64_t)(locks / FRAME_LOCK_PROCESS) << PTE_LOCK_SHIFT;
}

static inline unsigned pte_locks(struct pte p)
{
	return (unsigned)((p.raw & PTE_LOCKED) >> PTE_LOCK_SHIFT) * FRAME_LOCK_PROCESS;
}

static inline bool pte_is_writable(struct pte p)
{
	return p.raw & PTE_WRITABLE;
}

static inline bool pte_is_executable(struct pte p)
{
	return !(p.raw & PTE_NO_EXECUTE);
}

/* What an entry must say for an access that leaves it as it is. */
#define PTE_FOR_LOAD (PTE_PRESENT | PTE_ACCESSED)
#define PTE_FOR_STORE (PTE_PRESENT | PTE_ACCESSED | PTE_WRITABLE | PTE_DIRTY)
#define PTE_FOR_FETCH (PTE_PRESENT | PTE_ACCESSED | PTE_NO_EXECUTE) /* the last one: clear */

static inline bool pte_is_ready(struct pte p, uint64_t needed)
{
	return ((p.raw ^ PTE_NO_EXECUTE) & needed) == needed;
}

/* The Windows protection in an entry that is not zero. */
static inline prot_t pte_prot(struct pte p)
{
	return (p.raw >> (pte_is_present(p) ? PTE_PROT_SHIFT : PTE_SOFT_PROT_SHIFT)) &
	       ATTR_PROT_MASK;
}

/* The processor's bits for a protection; S28: NOCACHE disables the cache; WRITECOMBINE is PWT alone. */
static inline uint64_t pte_rights(prot_t prot, bool nx)
{
	uint64_t bits = PTE_USER | (uint64_t)prot << PTE_PROT_SHIFT;
	if (prot_can_write(prot) && !prot_is_copy(prot))
		bits |= PTE_WRITABLE | PTE_SOFTWARE_WRITE;
	if (nx && !prot_can_execute(prot))
		bits |= PTE_NO_EXECUTE;
	if (prot_cache_of(prot) == PROT_NOCACHE)
		bits |= PTE_CACHE_DISABLE | PTE_WRITE_THROUGH;
	else if (prot_cache_of(prot) == PROT_WRITECOMBINE)
		bits |= PTE_WRITE_THROUGH;
	return bits;
}

static inline struct pte pte_present(frame_t frame, prot_t prot, bool nx, uint64_t accessed_dirty)
{
	return (struct pte){(uint64_t)frame << PAGE_SHIFT | PTE_PRESENT | pte_rights(prot, nx) |
	                    accessed_dirty};
}

/* The same frame, accessed, dirty and lock bits with other rights. */
static inline struct pte pte_with_prot(struct pte p, prot_t prot, bool nx)
{
	return pte_present(pte_frame(p), prot, nx, p.raw & (PTE_ACCESSED | PTE_DIRTY | PTE_LOCKED));
}

/* At level 2: a page of 2 MB, whose frames follow each other from `frame` on. In use all the time. */
static inline struct pte pte_large(frame_t frame, prot_t prot, bool nx)
{
	struct pte p = pte_present(frame, prot, nx, PTE_ACCESSED | PTE_DIRTY);
	return (struct pte){p.raw | PTE_LARGE};
}

static inline bool pte_is_large(struct pte p)
{
	return (p.raw & (PTE_PRESENT | PTE_LARGE)) == (PTE_PRESENT | PTE_LARGE);
}

/* What an entry of the lowest level would say of one of its pages. */
static inline struct pte pte_of_large(struct pte p, uint64_t page)
{
	return (struct pte){(p.raw & ~PTE_LARGE) + (page % LARGE_PAGES << PAGE_SHIFT)};
}

/* An entry of an upper level: everything is allowed, the lowest level decides. */
static inline struct pte pte_table(frame_t frame)
{
	return (struct pte){(uint64_t)frame << PAGE_SHIFT | PTE_PRESENT | PTE_WRITABLE | PTE_USER |
	                    PTE_ACCESSED};
}

/* An upper-level entry of the system space: not for user mode (AS-8). */
static inline struct pte pte_system_table(frame_t frame)
{
	return (struct pte){(uint64_t)frame << PAGE_SHIFT | PTE_PRESENT | PTE_WRITABLE |
	                    PTE_ACCESSED};
}

static inline struct pte pte_system_page(frame_t frame)
{
	return (struct pte){(uint64_t)frame << PAGE_SHIFT | PTE_PRESENT | PTE_WRITABLE |
	                    PTE_ACCESSED | PTE_DIRTY | PTE_NO_EXECUTE |
	                    (uint64_t)PROT_READWRITE << PTE_PROT_SHIFT};
}

static inline struct pte pte_transition(frame_t frame, prot_t prot)
{
	return (struct pte){(uint64_t)frame << PAGE_SHIFT | PTE_TRANSITION |
	                    (uint64_t)prot << PTE_SOFT_PROT_SHIFT};
}

static inline struct pte pte_paged_out(slot_t slot, prot_t prot)
{
	return (struct pte){(uint64_t)slot_page(slot) << PTE_SLOT_SHIFT |
	                    (uint64_t)slot_file(slot) << PTE_FILE_SHIFT |
	                    (uint64_t)prot << PTE_SOFT_PROT_SHIFT};
}

/* The entry of a table in the paging file that must never be used again: what it says of some pages is
 * not true any more. Entries of tables have no other use for a protection. */
static inline struct pte pte_spoiled(slot_t slot)
{
	return pte_paged_out(slot, PROT_NOACCESS);
}

static inline bool pte_is_spoiled(struct pte p)
{
	return pte_is_paged_out(p) && pte_prot(p) == PROT_NOACCESS;
}

static inline struct pte pte_discarded(prot_t prot)
{
	return (struct pte){PTE_DISCARDED | (uint64_t)prot << PTE_SOFT_PROT_SHIFT};
}

/* A zero entry of a view would show the section's page. */
static inline struct pte pte_own_zero(prot_t prot)
{
	return (struct pte){PTE_OWN_ZERO | (uint64_t)prot << PTE_SOFT_PROT_SHIFT};
}

/* An entry that is not present, with another protection. */
static inline struct pte pte_with_soft_prot(struct pte p, prot_t prot)
{
	return (struct pte){(p.raw & ~((uint64_t)ATTR_PROT_MASK << PTE_SOFT_PROT_SHIFT)) |
	                    (uint64_t)prot << PTE_SOFT_PROT_SHIFT};
}

#endif
