#include "clients/cpp/core/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

namespace holdfast::core {
namespace {

void Fill(std::span<unsigned char> bytes) {
  // Up to 256 bytes come in one piece once the kernel has gathered entropy at
  // boot, which it has unless this is one of the first processes.
  ssize_t got = -1;
  do {
    got = getrandom(bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(bytes.size())) {
    // Without chance two holders could share a lease_id, and so a lock.
    std::fprintf(stderr, "holdfast: getrandom failed: %s\n", std::strerror(errno));
    std::abort();
  }
}

class KernelRandom final : public Random {
 public:
  std::string NewLeaseId() override {
    std::array<unsigned char, 16> bytes;
    Fill(bytes);
    // Version 4 (random), variant 1, as RFC 4122 has it.
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0fU) | 0x40U);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3fU) | 0x80U);

    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string id;
    id.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
      id += kDigits[bytes[i] >> 4U];
      id += kDigits[bytes[i] & 0x0fU];
    }
    return id;
  }

  double Fraction() override {
    std::array<unsigned char, sizeof(std::uint64_t)> bytes;
    Fill(bytes);
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data(), sizeof(bits));
    constexpr double kTwoToThe53 = 9007199254740992.0;  // A double has 53 bits of mantissa.
    return static_cast<double>(bits >> 11U) / kTwoToThe53;
  }
};

}  // namespace

Random& SystemRandom() {
  static KernelRandom random;
  return random;
}

}  // namespace holdfast::core
