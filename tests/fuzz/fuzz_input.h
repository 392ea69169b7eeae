// An input of the fuzzer, read as a sequence of choices.
//
// Every input means something: whoever reads past its end gets zeros. A choice
// takes as few bytes as it can, in the order of the reads, so that a byte which
// the fuzzer changes changes one choice. Thread-compatible.

#ifndef HOLDFAST_TESTS_FUZZ_FUZZ_INPUT_H_
#define HOLDFAST_TESTS_FUZZ_FUZZ_INPUT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::fuzz {

class FuzzInput {
 public:
  // The bytes must outlive this.
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }

  std::uint8_t Byte() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  // One of 0 to `count` - 1. REQUIRES: `count` is 1 to 256.
  std::size_t Below(std::size_t count) { return Byte() % count; }

  bool Flag() { return (Byte() & 1) != 0; }

  // Any number of 64 bits, little-endian.
  std::uint64_t Number() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 8) number |= std::uint64_t{Byte()} << shift;
    return number;
  }

  template <typename T, std::size_t kCount>
  const T& Pick(const std::array<T, kCount>& choices) {
    return choices[Below(kCount)];
  }

  // The next bytes: as many as there are, `most` at the most.
  std::string Bytes(std::size_t most) {
    const std::string bytes(rest_.substr(0, most));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

  // A length, then that many bytes.
  std::string Text() { return Bytes(Byte()); }

  std::string Rest() { return Bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_TESTS_FUZZ_FUZZ_INPUT_H_
