#include "clients/cli/output/text.h"

#include <locale.h>
#include <wchar.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_format.h"

namespace holdfast::cli {
namespace {

struct Character {
  std::optional<char32_t> code;  // Absent: one byte that is no UTF-8.
  std::size_t bytes = 1;
};

// The first character of `text`, which is not empty.
Character First(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {.code = lead};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  // By length: the smallest character that needs as many bytes. Smaller ones in that
  // form are how filters are deceived, and no UTF-8.
  constexpr std::array<char32_t, 5> kMin = {0, 0, 0x80, 0x800, 0x10000};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0x7f >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kMin[bytes] || code > 0x10ffff || surrogate) return {};
  return {.code = code, .bytes = bytes};
}

bool IsInvisible(char32_t c) {
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return true;  // Control characters.
  if (c == 0x2028 || c == 0x2029) return true;            // Line and paragraph ends.
  // Marks, embeddings, overrides and isolates of the direction of writing.
  if (c == 0x061c || c == 0x200e || c == 0x200f) return true;
  if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return true;
  // Without width: two keys could look the same.
  return c == 0x00ad || c == 0x200b || c == 0x2060 || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

std::string Escape(char32_t c) {
  switch (c) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return absl::StrFormat("\\u{%x}", static_cast<std::uint32_t>(c));
  }
}

int Width(char32_t c) {
  if (c < 0x7f) return 1;
  // The C library knows the widths, but only in a locale whose characters they are.
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = uselocale(utf8);
  const int width = wcwidth(static_cast<wchar_t>(c));
  uselocale(before);
  return width < 0 ? 1 : width;
}

std::string EscapeInvisible(std::string_view text, bool escape_backslash) {
  std::string line;
  while (!text.empty()) {
    const Character c = First(text);
    if (!c.code.has_value()) {
      line += absl::StrFormat("\\x%02x", static_cast<std::uint8_t>(text.front()));
    } else if (*c.code == '\\' && escape_backslash) {
      line += "\\\\";
    } else if (IsInvisible(*c.code)) {
      line += Escape(*c.code);
    } else {
      line += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return line;
}

}  // namespace

std::string Printable(std::string_view text) {
  return EscapeInvisible(text, /*escape_backslash=*/true);
}

std::string PrintableMessage(std::string_view text) {
  return EscapeInvisible(text, /*escape_backslash=*/false);
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Character c = First(text);
    width += Width(c.code.value_or('?'));
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string_view CutToWidth(std::string_view text, int width) {
  std::size_t size = 0;
  while (size < text.size()) {
    const Character c = First(text.substr(size));
    width -= Width(c.code.value_or('?'));
    if (width < 0) break;
    size += c.bytes;
  }
  return text.substr(0, size);
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const Character c = First(text);
    if (!c.code.has_value()) return false;
    text.remove_prefix(c.bytes);
  }
  return true;
}

}  // namespace holdfast::cli
