// What a client might send that is broken, hostile or simply not a client.

#ifndef HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_H_
#define HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_H_

#include <cstdint>
#include <string>

namespace holdfast::fuzz {

struct MalformedInput {
  // What becomes of the connection once all has been sent.
  enum class End {
    kHangUp,    // The client says that it is done, and reads to the end.
    kVanish,    // It closes at once, and reads nothing.
    kStayOpen,  // It says no more, and stays until everybody goes.
  };

  std::string kind;  // In a word or two, for messages.
  std::string bytes;
  End end{};
};

// The same for the same seed. The requests in it name keys and tags that begin with
// one letter or nothing, so tests that use longer ones are not concerned.
MalformedInput MakeMalformedInput(std::uint64_t seed);

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_MALFORMED_INPUT_H_
