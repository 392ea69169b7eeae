// Appends numbers in network byte order, as PostgreSQL and ZooKeeper have them.

#ifndef HOLDFAST_TESTS_BENCH_LOAD_WIRE_WRITER_H_
#define HOLDFAST_TESTS_BENCH_LOAD_WIRE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::bench {

template <typename Integer>
void AppendBigEndian(std::string& to, Integer value) {
  for (std::size_t i = sizeof(value); i-- > 0;) {
    to.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
  }
}

// REQUIRES: bytes.size() >= sizeof(Integer).
template <typename Integer>
Integer ReadBigEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<Integer>(value);
}

}  // namespace holdfast::bench

#endif  // HOLDFAST_TESTS_BENCH_LOAD_WIRE_WRITER_H_
