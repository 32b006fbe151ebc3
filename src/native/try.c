/* SPDX-License-Identifier: MIT
 *
 * ntmm_try: what C has instead of __try.
 */
#include <ntmm/native.h>

#include <setjmp.h>

#include "base/os_signal.h"
#include "native/raise.h"
#include "native/signals.h"

struct frame {
	struct frame *outer;
	sigjmp_buf jump;
	EXCEPTION_RECORD record;
};

static _Thread_local struct frame *innermost __attribute__((tls_model("initial-exec")));

bool ntmm_try(void (*body)(void *context), void *context, EXCEPTION_RECORD *record)
{
	struct frame frame;
	if (!signals_begin())
		(void)signals_enter_thread(); /* without: no stack overflows */
	frame.outer = innermost;
	if (sigsetjmp(frame.jump, 0)) {
		if (record)
			*record = frame.record;
		return false;
	}
	innermost = &frame;
	body(context);
	innermost = frame.outer;
	return true;
}

void raise_to_try(const EXCEPTION_RECORD *record, const ucontext_t *state)
{
	struct frame *frame = innermost;
	if (!frame)
		return;
	os_signal_block_as_in(state); /* a program's own handler may have been called with more */
	innermost = frame->outer;
	frame->record = *record;
	siglongjmp(frame->jump, 1);
}
