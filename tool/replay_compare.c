/* SPDX-License-Identifier: MIT
 *
 * Beside the machine: what exact LRU and the optimum would have read, for the same touches and with as
 * many frames for data.
 */
#include "policy.h"
#include "replay.h"

bool replay_compare(const struct reference_string *touches, struct replay_run *run,
                    struct failure *failure)
{
	if (policy_lru(touches, run->data_frames, &run->lru_page_ins) &&
	    policy_opt(touches, run->data_frames, &run->opt_page_ins))
		return true;
	return fail_no_memory(failure);
}
