/* SPDX-License-Identifier: MIT
 *
 * The progress bar is drawn on a terminal, taken away at the end, and nowhere else.
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "progress.h"

static void show(uint64_t whole)
{
	struct progress progress;
	progress_begin(&progress, "4M");
	usleep(110000);
	progress_show(&progress, 50, whole, 1500000);
	progress_end(&progress);
}

/* A terminal hands on what is written to it piece by piece, when it likes. */
static void read_all(int from, char *text, size_t room)
{
	struct pollfd ready = {.fd = from, .events = POLLIN};
	size_t length = 0;
	while (length < room - 1 && poll(&ready, 1, 300) > 0 && (ready.revents & POLLIN)) {
		ssize_t got = read(from, text + length, room - 1 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	text[length] = 0;
}

/* What show() writes to standard error while that is `file`. */
static void record(int file, int from, uint64_t whole, char *text, size_t room)
{
	int kept = dup(STDERR_FILENO);
	dup2(file, STDERR_FILENO);
	show(whole);
	dup2(kept, STDERR_FILENO);
	close(kept);
	read_all(from, text, room);
}

static void bar_is_drawn_on_a_terminal(void **state)
{
	int master, slave;
	char text[1000];
	(void)state;
	if (openpty(&master, &slave, NULL, NULL, NULL) != 0)
		skip();
	record(slave, master, 200, text, sizeof text);
	assert_non_null(strstr(text, "4M [=======                       ]  25 %, 1.5 million references, "));
	assert_string_equal(text + strlen(text) - 4, "\r\033[K");
	record(slave, master, 0, text, sizeof text);
	assert_non_null(strstr(text, "4M 1.5 million references"));
	assert_null(strchr(text, '='));
	close(slave);
	close(master);
}

static void nothing_is_drawn_elsewhere(void **state)
{
	int ends[2];
	char text[100];
	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	record(ends[1], ends[0], 200, text, sizeof text);
	assert_string_equal(text, "");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bar_is_drawn_on_a_terminal),
		cmocka_unit_test(nothing_is_drawn_elsewhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
