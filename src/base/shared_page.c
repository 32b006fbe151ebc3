/* SPDX-License-Identifier: MIT */
#include "base/shared_page.h"

#include "base/lock.h"

static struct lock lock = {PTHREAD_MUTEX_INITIALIZER, RANK_LEAF};
static bool is_wanted; /* (lock) by the native process */
static bool is_made;   /* (lock) the page is ours, whatever it shows */
static bool is_lent;   /* (lock) */

static void *place(void)
{
	return (void *)(uintptr_t)SHARED_PAGE_ADDRESS;
}

static int make_locked(void)
{
	int error = is_made ? 0 : os_pages_reserve_at(place(), PAGE_BYTES);
	is_made = !error;
	return error;
}

/* Zero, to be read. What stood there before goes. */
static void show_own_locked(void)
{
	if (!os_pages_shut(place(), PAGE_BYTES))
		(void)os_pages_protect(place(), PAGE_BYTES, OS_PAGE_READ);
}

void shared_page_make(void)
{
	lock_take(&lock);
	is_wanted = true;
	if (!is_lent && !make_locked())
		show_own_locked();
	lock_drop(&lock);
}

int shared_page_lend(const struct os_showing *showing)
{
	lock_take(&lock);
	int error = is_lent ? OS_EXISTS : make_locked();
	if (!error) {
		error = os_pages_show(place(), PAGE_BYTES, showing);
		is_lent = !error;
	}
	lock_drop(&lock);
	return error;
}

void shared_page_return(void)
{
	lock_take(&lock);
	is_lent = false;
	if (is_wanted)
		show_own_locked();
	else if (!os_pages_release(place(), PAGE_BYTES))
		is_made = false;
	lock_drop(&lock);
}
