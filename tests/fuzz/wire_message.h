// Messages on the wire that no generated code would write: fields of any message
// type with contents at and beyond every limit, in bytes.

#ifndef HOLDFAST_TESTS_FUZZ_WIRE_MESSAGE_H_
#define HOLDFAST_TESTS_FUZZ_WIRE_MESSAGE_H_

#include <string>

#include "google/protobuf/descriptor.h"
#include "tests/fuzz/fuzz_input.h"

namespace holdfast::fuzz {

// A message of `type`, field by field as `input` chooses: strings of lengths around
// the API's limits, also such that are not UTF-8; durations around theirs;
// repeated fields with too many elements. It parses, but for its UTF-8.
std::string WireMessage(FuzzInput& input, const google::protobuf::Descriptor& type);

// The same message with up to three of its bytes changed, cut off or doubled.
std::string Damaged(FuzzInput& input, std::string bytes);

// A length-delimited field, of a message that is put together by hand.
void AppendField(int number, const std::string& content, std::string& wire);

// Keeps protobuf from reporting every message that does not parse. Call it once,
// before the first message.
void SilenceProtobuf();

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_WIRE_MESSAGE_H_
