// Text that is to be written so that whoever reads it cannot take it for something else.
// Pure functions.

#ifndef HOLDFAST_SERVICES_COMMON_TEXT_H_
#define HOLDFAST_SERVICES_COMMON_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

bool IsControl(char c);

// How many bytes the character at the beginning of `text` has; 0 if it is no UTF-8, or
// one of the controls that UTF-8 spells in two bytes. REQUIRES: `text` is not empty.
std::size_t CharacterBytes(std::string_view text);

// Appends `prefix` and the two digits of `c`.
void AppendHex(std::string_view prefix, char c, std::string& line);

// Appends `value` as a string of JSON, in quotes. What is no UTF-8 cannot be said there:
// each byte of it becomes U+FFFD.
void AppendJsonString(std::string_view value, std::string& line);

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_COMMON_TEXT_H_
