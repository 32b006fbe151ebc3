/* SPDX-License-Identifier: MIT */
#include "native/raise.h"

#include "native/context.h"
#include "native/handlers.h"

bool raise_to_handlers(EXCEPTION_RECORD *record, ucontext_t *state)
{
	CONTEXT context;
	EXCEPTION_POINTERS pointers = {record, &context};
	if (!handlers_any(HANDLERS_OF_EXCEPTIONS))
		return false;
	context_from_host(&context, state);
	if (!handlers_call(HANDLERS_OF_EXCEPTIONS, &pointers))
		return false;
	handlers_call(HANDLERS_OF_CONTINUING, &pointers);
	context_to_host(&context, state);
	return true;
}
