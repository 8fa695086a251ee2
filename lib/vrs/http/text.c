#include "vrs/http/parts.h"

bool vrs_httpd_decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		int c = (unsigned char)*s;

		if (c == '%') {
			int high = vrs_hex_digit(s[1]),
			    low = high < 0 ? -1 : vrs_hex_digit(s[2]);

			if (low < 0)
				return false;
			c = 16 * high + low;
			s += 2;
		}
		if (c < ' ' || c == 0x7f)
			return false;
		*out++ = (char)c;
	}
	*out = '\0';
	return true;
}
