/* SPDX-License-Identifier: MIT
 *
 * Whether a sanitizer is in the program: it maps terabytes, brings a malloc of its own, and of a child
 * of a process with threads says that these leak.
 */
#ifndef TESTS_SUPPORT_SANITIZED_H
#define TESTS_SUPPORT_SANITIZED_H

#ifndef __has_feature
#define __has_feature(name) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define IS_THREAD_SANITIZED 1
#else
#define IS_THREAD_SANITIZED 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || IS_THREAD_SANITIZED
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

#endif
