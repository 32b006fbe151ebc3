/* SPDX-License-Identifier: MIT */
#include "object/fork.h"

#include "object/backing.h"
#include "object/file.h"
#include "object/file_node.h"
#include "object/process.h"
#include "object/section.h"

void objects_fork(enum fork_step step)
{
	handles_fork(step);
	processes_fork(step);
	section_objects_fork(step);
	file_list_fork(step);
	if (step == FORK_IN_CHILD)
		handles_visit(OBJECT_FILE, file_forked);
}

void objects_fork_files(enum fork_step step)
{
	file_nodes_fork(step);
	if (step == FORK_IN_CHILD)
		file_nodes_visit(backing_forked);
}
