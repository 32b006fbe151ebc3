/* SPDX-License-Identifier: MIT
 *
 * The trace readers: both formats, quick and slow ways, compression, and every kind of mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "trace.h"

struct bytes {
	unsigned char *data;
	size_t count;
};

static struct trace *open_bytes(struct bytes bytes)
{
	struct input *input = input_of_memory(bytes.data, bytes.count);
	assert_non_null(input);
	struct trace *trace = trace_open(input, "t");
	assert_non_null(trace);
	return trace;
}

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(unsigned char *)(uintptr_t)text, strlen(text)};
}

/* ---- what a text holds ------------------------------------------------------------------------- */

#define MOST 64

static size_t read_text(const char *text, struct ref *refs)
{
	struct trace *trace = open_bytes(bytes_of(text));
	ssize_t count = trace_read(trace, refs, MOST);
	if (count < 0)
		fail_msg("'%s': %s", text, trace_error(trace));
	assert_int_equal(trace_read(trace, refs + count, 1), 0);
	trace_close(trace);
	return (size_t)count;
}

static void assert_ref(const struct ref *ref, enum ref_kind kind, uint64_t address, unsigned bytes,
                       uint64_t line)
{
	assert_int_equal(ref->kind, kind);
	assert_int_equal(ref->address, address);
	assert_int_equal(ref->bytes, bytes);
	assert_int_equal(ref->line, line);
}

static void lackey_has_four_kinds(void **state)
{
	struct ref refs[MOST];
	(void)state;
	assert_int_equal(read_text("==12== Lackey\n--12-- more\n\n# mine\n"
	                           "I  04001f20,3\n L 1ffefffd78,8\n S 0421c7f8,16\n M 0421c7f8,4\n"
	                           "==12== end\nI  04001f23,1\n==12== \n", refs), 5);
	assert_ref(&refs[0], REF_FETCH, 0x4001f20, 3, 5);
	assert_ref(&refs[1], REF_LOAD, 0x1ffefffd78, 8, 6);
	assert_ref(&refs[2], REF_STORE, 0x421c7f8, 16, 7);
	assert_ref(&refs[3], REF_MODIFY, 0x421c7f8, 4, 8);
	assert_ref(&refs[4], REF_FETCH, 0x4001f23, 1, 10);
}

static void lackey_may_look_unusual(void **state)
{
	struct ref refs[MOST];
	(void)state;
	assert_int_equal(read_text("I 1,1\nL\t2,65536 \n   S 0000000000000000ABCDEF,008\r\n"
	                           " M fffffffffffffff8,8 # last\nI  ffffffffffffffff,1\nI  123456789abcdef,99", refs),
	                 6);
	assert_ref(&refs[0], REF_FETCH, 1, 1, 1);
	assert_ref(&refs[1], REF_LOAD, 2, 65536, 2);
	assert_ref(&refs[2], REF_STORE, 0xabcdef, 8, 3);
	assert_ref(&refs[3], REF_MODIFY, UINT64_MAX - 7, 8, 4);
	assert_ref(&refs[4], REF_FETCH, UINT64_MAX, 1, 5);
	assert_ref(&refs[5], REF_FETCH, 0x123456789abcdef, 99, 6);
}

static void simple_reads_and_writes(void **state)
{
	struct ref refs[MOST];
	(void)state;
	assert_int_equal(read_text("# a list\n\n0041f7a0 R\n0x13f5e2c0 W\r\n0XFFFFFFFFFFFFFFFF R\n"
	                           "  31348900   W  # spaced\nabcdef0123456789 W\n1 R", refs), 6);
	assert_ref(&refs[0], REF_LOAD, 0x41f7a0, 1, 3);
	assert_ref(&refs[1], REF_STORE, 0x13f5e2c0, 1, 4);
	assert_ref(&refs[2], REF_LOAD, UINT64_MAX, 1, 5);
	assert_ref(&refs[3], REF_STORE, 0x31348900, 1, 6);
	assert_ref(&refs[4], REF_STORE, 0xabcdef0123456789, 1, 7);
	assert_ref(&refs[5], REF_LOAD, 1, 1, 8);
}

/* Every number of digits and every size, against what was printed. */
static void digits_are_right(void **state)
{
	struct ref refs[MOST];
	char text[128];
	uint64_t random = 1;
	(void)state;
	for (int i = 0; i < 20000; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		uint64_t address = random >> (4 + random % 60);
		unsigned bytes = 1 + (unsigned)(random >> 33) % (i % 4 ? 64 : REF_MOST_BYTES);
		static const char *const formats[] = {"I  %08jx,%u\n", " S %jx,%u\n", " L %016jX,%u\n"};
		snprintf(text, sizeof text, formats[i % 3], (uintmax_t)address, bytes);
		assert_int_equal(read_text(text, refs), 1);
		assert_ref(&refs[0], (enum ref_kind[]){REF_FETCH, REF_STORE, REF_LOAD}[i % 3], address, bytes, 1);
		snprintf(text, sizeof text, i % 2 ? "%jx R\n" : "0x%08jX W\n", (uintmax_t)address);
		assert_int_equal(read_text(text, refs), 1);
		assert_ref(&refs[0], i % 2 ? REF_LOAD : REF_STORE, address, 1, 1);
	}
}

/* Each byte but a digit in each place of an address is a mistake. */
static void every_wrong_digit_is_seen(void **state)
{
	static const char line[] = "I  0123456789ab,4\n";
	(void)state;
	for (size_t place = 3; place < 15; place++) {
		for (int letter = 1; letter < 256; letter++) {
			char text[sizeof line];
			memcpy(text, line, sizeof line);
			text[place] = (char)letter;
			if (strchr("0123456789abcdefABCDEF\n", letter) || (place == 3 && strchr(" \t\r", letter)))
				continue;
			struct trace *trace = open_bytes(bytes_of(text));
			struct ref refs[MOST];
			if (trace_read(trace, refs, MOST) != -1)
				fail_msg("byte %d at %zu was taken for a digit", letter, place);
			trace_close(trace);
		}
	}
}

/* ---- mistakes ---------------------------------------------------------------------------------- */

static void assert_error(struct bytes bytes, const char *expected)
{
	struct ref refs[MOST];
	struct trace *trace = open_bytes(bytes);
	ssize_t count;
	while ((count = trace_read(trace, refs, MOST)) > 0)
		;
	assert_int_equal(count, -1);
	if (!strstr(trace_error(trace), expected))
		fail_msg("'%s' instead of '%s'", trace_error(trace), expected);
	assert_int_equal(trace_read(trace, refs, MOST), -1);
	trace_close(trace);
}

static void mistakes_name_their_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "t:1: there is no reference"},
		{"# nothing\n\n", "t:3: there is no reference"},
		{"==1== only messages\n", "t:2: there is no reference"},
		{"hello\n", "t:1: the line is neither"},
		{"I  04001f20,3\nhello\n", "t:2: the line begins with none"},
		{"I  04001f20,3\n,3\n", "t:2: the line begins with none"},
		{"I  04001f20,3\nI04001f20,3\n", "t:2: a space is missing"},
		{"I  04001f20,3\nSB 04001f20\n", "t:2: a space is missing"},
		{"I  04001f20,3\n I\n", "t:2: a space is missing"},
		{"I  04001f20,3\n I \n", "t:2: a hexadecimal address is missing"},
		{"I  04001f20,3\n L ,3\n", "t:2: a hexadecimal address is missing"},
		{"\n\nI  g,3\n", "t:3: a hexadecimal address is missing"},
		{"I  04001f20,3\n L 04001f20\n", "t:2: a comma is missing"},
		{"I  04001f20,3\n L 04001f20 ,4\n", "t:2: a comma is missing"},
		{"I  04001f20,3\n L 04001f20,\n", "t:2: a size is missing"},
		{"I  04001f20,3\n L 04001f20,x\n", "t:2: a size is missing"},
		{"I  04001f20,3\n L 04001f20,-1\n", "t:2: a size is missing"},
		{"I  04001f20,3\n L 04001f20,0\n", "t:2: the size is 0"},
		{"I  04001f20,3\n L 04001f20,00\n", "t:2: the size is 0"},
		{"I  04001f20,3\n L 04001f20,65537\n", "t:2: the size is above 65536"},
		{"I  04001f20,3\n L 04001f20,99999999999999999999999\n", "t:2: the size is above 65536"},
		{"I  04001f20,3\n L 04001f20,4x\n", "t:2: there is more than a reference"},
		{"I  04001f20,3\n L 04001f20,4 8\n", "t:2: there is more than a reference"},
		{"I  04001f20,3\n L 10000000000000000,4\n", "t:2: the address has more than 64 bits"},
		{"I  04001f20,3\n L fffffffffffffff8,9\n", "t:2: the reference runs past the last address"},
		{"1000 R\n2000\n", "t:2: R or W is missing"},
		{"1000 R\n2000 X\n", "t:2: R or W is missing"},
		{"1000 R\n2000R\n", "t:2: R or W is missing"},
		{"1000 R\n2000 r\n", "t:2: R or W is missing"},
		{"1000 R\n2000 R 4\n", "t:2: there is more than a reference"},
		{"1000 R\n2000 RW\n", "t:2: there is more than a reference"},
		{"1000 R\n0x R\n", "t:2: a hexadecimal address is missing"},
		{"1000 R\n R\n", "t:2: a hexadecimal address is missing"},
		{"1000 R\nx1000 R\n", "t:2: a hexadecimal address is missing"},
		{"1000 R\n12345678123456781 W\n", "t:2: the address has more than 64 bits"},
		{"1000 R\n==12== message\n", "t:2: a hexadecimal address is missing"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_error(bytes_of(rows[i].text), rows[i].error);
}

static void zero_bytes_are_no_lines(void **state)
{
	static unsigned char head[] = "I  04001f20,3\n\0\0\0\0\0\0\0\0\0\0\0,3\n";
	(void)state;
	assert_error((struct bytes){head, sizeof head - 1}, "t:2: the line begins with none");
}

static void endless_line_is_refused(void **state)
{
	struct bytes bytes = {malloc(1 << 20), 1 << 20};
	(void)state;
	memset(bytes.data, ' ', bytes.count);
	assert_error(bytes, "t:1: the line is too long");
	memset(bytes.data, '0', bytes.count);
	memcpy(bytes.data, "1 R\n", 4);
	assert_error(bytes, "t:2: the line is too long");
	free(bytes.data);
}

/* ---- long texts, compressed or not -------------------------------------------------------------- */

#define LONG_LINES 100000

static uint64_t address_of_line(uint64_t line)
{
	return 0x400000 + line * 12345 % 0x7fffffffff;
}

static struct bytes long_text(void)
{
	struct bytes text = {malloc(LONG_LINES * 24), 0};
	assert_non_null(text.data);
	for (uint64_t line = 1; line <= LONG_LINES; line++)
		text.count += (size_t)sprintf((char *)text.data + text.count,
		                              line % 3 ? "I  %08jx,%u\n" : " L %08jx,%u\n",
		                              (uintmax_t)address_of_line(line), (unsigned)(line % 40 + 1));
	return text;
}

static struct bytes gzip_of(struct bytes text)
{
	struct bytes packed = {malloc(text.count + 1024), 0};
	z_stream stream = {.next_in = text.data, .avail_in = (uInt)text.count, .next_out = packed.data,
	                   .avail_out = (uInt)text.count + 1024};
	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	packed.count = stream.total_out;
	deflateEnd(&stream);
	return packed;
}

static struct bytes zstd_of(struct bytes text)
{
	size_t room = ZSTD_compressBound(text.count);
	struct bytes packed = {malloc(room), 0};
	ZSTD_CCtx *context = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	packed.count = ZSTD_compress2(context, packed.data, room, text.data, text.count);
	ZSTD_freeCCtx(context);
	assert_false(ZSTD_isError(packed.count));
	return packed;
}

static struct bytes plain_of(struct bytes text)
{
	struct bytes copy = {malloc(text.count), text.count};
	return memcpy(copy.data, text.data, text.count), copy;
}

static struct bytes (*const packers[])(struct bytes) = {plain_of, gzip_of, zstd_of};

static void assert_long(struct bytes bytes, uint64_t lines)
{
	struct ref refs[MOST];
	struct trace *trace = open_bytes(bytes);
	assert_int_equal(trace_size(trace), bytes.count);
	uint64_t line = 0;
	ssize_t count;
	while ((count = trace_read(trace, refs, 1 + line % MOST)) > 0) {
		for (ssize_t i = 0; i < count; i++) {
			uint64_t text_line = line++ % LONG_LINES + 1;
			assert_ref(&refs[i], text_line % 3 ? REF_FETCH : REF_LOAD, address_of_line(text_line),
			           (unsigned)(text_line % 40 + 1), line);
		}
	}
	if (count < 0)
		fail_msg("%s", trace_error(trace));
	assert_int_equal(line, lines);
	assert_int_equal(trace_taken(trace), bytes.count);
	trace_close(trace);
}

static void long_texts_are_whole(void **state)
{
	struct bytes text = long_text();
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bytes packed = packers[i](text);
		assert_long(packed, LONG_LINES);
		free(packed.data);
	}
	free(text.data);
}

/* Members and frames in a row, as `cat a.gz b.gz` makes them, are one text. */
static void pieces_are_one_text(void **state)
{
	struct bytes text = long_text();
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bytes packed = packers[i](text);
		struct bytes twice = {malloc(2 * packed.count), 2 * packed.count};
		memcpy(twice.data, packed.data, packed.count);
		memcpy(twice.data + packed.count, packed.data, packed.count);
		assert_long(twice, 2 * LONG_LINES);
		free(twice.data);
		free(packed.data);
	}
	free(text.data);
}

static uint64_t line_of_error(const struct trace *trace)
{
	assert_memory_equal(trace_error(trace), "t:", 2);
	return strtoull(trace_error(trace) + 2, NULL, 10);
}

/* Compressed text that is cut anywhere is an error that names the line it got to. */
static void cut_data_is_an_error(void **state)
{
	struct bytes text = long_text();
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		struct bytes packed = packers[i](text);
		for (size_t cut = 4; cut < packed.count; cut += cut < 32 || cut > packed.count - 32 ? 1 : 5003) {
			struct ref refs[MOST];
			struct trace *trace = open_bytes((struct bytes){packed.data, cut});
			uint64_t lines = 0;
			ssize_t count;
			while ((count = trace_read(trace, refs, MOST)) > 0)
				lines += (uint64_t)count;
			assert_int_equal(count, -1);
			assert_non_null(strstr(trace_error(trace), ": the compressed data ends early"));
			assert_in_range(line_of_error(trace), lines + 1, lines + MOST + 1);
			trace_close(trace);
		}
		free(packed.data);
	}
	free(text.data);
}

static void damaged_data_is_an_error(void **state)
{
	struct bytes text = long_text();
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		struct bytes packed = packers[i](text);
		memset(packed.data + packed.count / 2, 0xff, 64);
		assert_error(packed, "t:");
		free(packed.data);
	}
	free(text.data);
}

static void what_follows_is_an_error(void **state)
{
	struct bytes text = bytes_of("1000 R\n");
	(void)state;
	for (size_t i = 1; i < 3; i++) {
		struct bytes packed = packers[i](text);
		struct bytes more = {malloc(packed.count + 20), packed.count + 20};
		memcpy(more.data, packed.data, packed.count);
		memset(more.data + packed.count, 'x', 20);
		assert_error(more, "t:2: ");
		free(more.data);
		free(packed.data);
	}
}

static void missing_file_is_no_input(void **state)
{
	(void)state;
	assert_null(input_of_path("/nowhere/at/all"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lackey_has_four_kinds),
		cmocka_unit_test(lackey_may_look_unusual),
		cmocka_unit_test(simple_reads_and_writes),
		cmocka_unit_test(digits_are_right),
		cmocka_unit_test(every_wrong_digit_is_seen),
		cmocka_unit_test(mistakes_name_their_line),
		cmocka_unit_test(zero_bytes_are_no_lines),
		cmocka_unit_test(endless_line_is_refused),
		cmocka_unit_test(long_texts_are_whole),
		cmocka_unit_test(pieces_are_one_text),
		cmocka_unit_test(cut_data_is_an_error),
		cmocka_unit_test(damaged_data_is_an_error),
		cmocka_unit_test(what_follows_is_an_error),
		cmocka_unit_test(missing_file_is_no_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
