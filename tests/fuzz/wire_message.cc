#include "tests/fuzz/wire_message.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "google/protobuf/stubs/logging.h"

namespace holdfast::fuzz {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// One more than the tags of a lease may be.
constexpr std::size_t kMaxElements = 17;

// Deeper than any message of the API.
constexpr int kMaxDepth = 6;

enum WireType : std::uint32_t { kVarint = 0, kLengthDelimited = 2 };

void AppendVarint(std::uint64_t value, std::string& wire) {
  for (; value >= 0x80; value >>= 7) wire.push_back(static_cast<char>(value | 0x80));
  wire.push_back(static_cast<char>(value));
}

void AppendTag(int number, WireType type, std::string& wire) {
  AppendVarint(static_cast<std::uint32_t>(number) << 3 | type, wire);
}

// A string whose length says something to one of the limits.
std::string Filled(FuzzInput& input) {
  constexpr std::array<std::size_t, 16> kLengths = {0,  1,   2,   15,  16,  17,  63,  64,
                                                    65, 128, 129, 256, 257, 511, 512, 513};
  // One with each number of bytes that a character of UTF-8 can have, one that a
  // lease_id cannot have, and a zero, which ends strings elsewhere.
  constexpr std::array<std::string_view, 7> kFillers = {
      "a", "Z", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x94\x92", "/", std::string_view("\0", 1)};
  const std::size_t length = input.Pick(kLengths);
  const std::string_view filler = input.Pick(kFillers);
  // The first character tells strings apart that are filled alike.
  std::string text = length == 0 ? "" : std::string(1, static_cast<char>('a' + input.Below(26)));
  while (text.size() + filler.size() <= length) text += filler;
  text.append(length - text.size(), 'x');
  return text;
}

std::uint64_t AnyInteger(FuzzInput& input, const FieldDescriptor& field) {
  // Seconds and nanoseconds around 0, a millisecond, 366 days, 292 years and 10,000
  // years, and what surrounds 32 and 64 bits.
  constexpr std::array<std::int64_t, 20> kTelling = {0,
                                                     1,
                                                     -1,
                                                     999'999,
                                                     1'000'000,
                                                     999'999'999,
                                                     1'000'000'000,
                                                     -999'999'999,
                                                     31'622'400,
                                                     31'622'401,
                                                     31'622'399,
                                                     9'223'372'035,
                                                     9'223'372'036,
                                                     9'223'372'037,
                                                     315'576'000'000,
                                                     315'576'000'001,
                                                     2'147'483'647,
                                                     -2'147'483'648,
                                                     INT64_MAX,
                                                     INT64_MIN};
  const std::size_t choice = input.Below(kTelling.size() + 2);
  if (choice < kTelling.size()) return static_cast<std::uint64_t>(kTelling[choice]);
  if (choice == kTelling.size()) return input.Byte();
  return field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL ? input.Byte() : input.Number();
}

std::string AnyMessage(FuzzInput& input, const Descriptor& type, int depth);

void AppendValue(FuzzInput& input, const FieldDescriptor& field, int depth, std::string& wire) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      AppendField(field.number(), input.Flag() ? input.Text() : Filled(input), wire);
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth == 0) break;
      AppendField(field.number(), AnyMessage(input, *field.message_type(), depth - 1), wire);
      break;
    default:
      AppendTag(field.number(), kVarint, wire);
      AppendVarint(AnyInteger(input, field), wire);
  }
}

std::string AnyMessage(FuzzInput& input, const Descriptor& type, int depth) {
  std::string wire;
  for (int i = 0; i < type.field_count() && !input.empty(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::size_t count = input.Below(field.is_repeated() ? kMaxElements + 1 : 2);
    for (std::size_t n = 0; n < count; ++n) AppendValue(input, field, depth, wire);
  }
  return wire;
}

}  // namespace

void AppendField(int number, const std::string& content, std::string& wire) {
  AppendTag(number, kLengthDelimited, wire);
  AppendVarint(content.size(), wire);
  wire += content;
}

std::string WireMessage(FuzzInput& input, const Descriptor& type) {
  return AnyMessage(input, type, kMaxDepth);
}

std::string Damaged(FuzzInput& input, std::string bytes) {
  for (std::size_t changes = input.Below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t place = input.Number() % bytes.size();
    switch (input.Below(3)) {
      case 0:
        bytes[place] = static_cast<char>(input.Byte());
        break;
      case 1:
        bytes.resize(place);
        break;
      default:
        bytes += bytes.substr(place);
    }
  }
  return bytes;
}

void SilenceProtobuf() { google::protobuf::SetLogHandler(nullptr); }

}  // namespace holdfast::fuzz
