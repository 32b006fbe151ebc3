/* SPDX-License-Identifier: MIT
 * Beside unixODBC's headers, whose Windows types are left out. What follows them here is what they then
 * expect of <windows.h>. */
#include <windows.h>

#define ALREADY_HAVE_WINDOWS_TYPE
#define SQL_API
typedef signed char SQLSCHAR;
typedef void *SQLHWND, *HWND;
typedef short RETCODE;
#include <sql.h>
#include <sqlext.h>

int main(void)
{
	SQLHENV environment = NULL;
	void *p = VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_NOACCESS);
	SQLWCHAR letter = u'a';
	WCHAR same = letter;
	return !(p && VirtualFree(p, 0, MEM_RELEASE)) || environment || same != 'a';
}
