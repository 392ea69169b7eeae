// What becomes of a client for which there are no more threads.

#include <dlfcn.h>
#include <pthread.h>

#include <cerrno>
#include <utility>

#include "gtest/gtest.h"
#include "holdfast/client.h"

namespace {

// Which of the threads that the calling thread starts next is refused, from 0; or negative.
thread_local int refused = -1;

}  // namespace

// Takes the place of the C library's, which it calls.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*body)(void*), void* argument) noexcept {
  if (refused >= 0 && refused-- == 0) return EAGAIN;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  static const auto real =
      reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, body, argument);
}

namespace holdfast {
namespace {

constexpr const char* kAddress = "unix:/tmp/no-such-holdfast.sock";

// One for timers, one for callbacks and one for lost signals.
constexpr int kThreads = 3;

TEST(CreateClientTest, ThreadThatCannotBeStartedIsAnError) {
  const auto first = Client::Create(kAddress);  // Starts those of gRPC.
  ASSERT_TRUE(first.ok());
  for (int which = 0; which < kThreads; ++which) {
    refused = which;
    const absl::Status status = Client::Create(kAddress).status();
    EXPECT_EQ(refused, -1);
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  }
  refused = kThreads;
  EXPECT_TRUE(Client::Create(kAddress).ok());
  EXPECT_EQ(std::exchange(refused, -1), 0);
}

}  // namespace
}  // namespace holdfast
