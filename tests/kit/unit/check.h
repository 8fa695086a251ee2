/* check.h - cmocka and what our tests say with it. */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* wants the four above */

#include "vrs/err.h"

/* The call failed with this code and said why. */
#define assert_fails(call, want_code, errp)                                              \
	do {                                                                             \
		int got_code_ = (call);                                                  \
		if (got_code_ != (want_code))                                            \
			fail_msg("%s gave %d (%s), wanted %d", #call, got_code_,         \
				 (errp)->text, (want_code));                             \
		assert_true((errp)->text[0] != '\0');                                    \
	} while (0)

/* The call did not fail. */
#define assert_ok(call, errp)                                                            \
	do {                                                                             \
		int got_code_ = (call);                                                  \
		if (got_code_ < 0)                                                       \
			fail_msg("%s failed: %s", #call, (errp)->text);                  \
	} while (0)

#endif
