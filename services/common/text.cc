#include "services/common/text.h"

namespace holdfast {

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < bytes) return 0;
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool is_control = lead == 0xc2 && byte(1) < 0xa0;
  const bool is_overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool is_no_character = (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf4 && byte(1) > 0x8f);
  return is_control || is_overlong || is_no_character ? 0 : bytes;
}

void AppendHex(std::string_view prefix, char c, std::string& line) {
  static constexpr std::string_view kHexDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  line += prefix;
  line += kHexDigits[byte >> 4];
  line += kHexDigits[byte & 0xf];
}

void AppendJsonString(std::string_view value, std::string& line) {
  line += '"';
  while (!value.empty()) {
    const char c = value.front();
    const std::size_t bytes = CharacterBytes(value);
    if (bytes == 0) {
      line += "\\ufffd";
    } else if (IsControl(c)) {
      AppendHex("\\u00", c, line);
    } else {
      if (c == '"' || c == '\\') line += '\\';
      line += value.substr(0, bytes);
    }
    value.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  line += '"';
}

}  // namespace holdfast
