// Text from elsewhere, made fit to be printed.
//
// Keys, tags and owners are chosen by whoever takes a lock. Printed as they are they
// could begin a line of their own, or move the cursor and paint over other lines. So
// everything that is not to be seen is escaped; what people write in their languages
// stays as it is.

#ifndef HOLDFAST_CLIENTS_CLI_OUTPUT_TEXT_H_
#define HOLDFAST_CLIENTS_CLI_OUTPUT_TEXT_H_

#include <string>
#include <string_view>

namespace holdfast::cli {

// One line of visible characters. Line feeds become \n, a backslash \\, other control
// characters and those that turn the direction of writing \u{9b}, and bytes that are
// not UTF-8 \xff. Different texts stay different.
std::string Printable(std::string_view text);

// As Printable, but backslashes stay as they are: for prose that quotes and escapes by
// itself, as the server's messages do.
std::string PrintableMessage(std::string_view text);

// The beginning of `text` that takes at most `width` columns. REQUIRES: it came from
// Printable.
std::string_view CutToWidth(std::string_view text, int width);

// How many columns of a terminal it takes. REQUIRES: it came from Printable.
int DisplayWidth(std::string_view text);

bool IsUtf8(std::string_view text);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OUTPUT_TEXT_H_
