#include "services/lock/engine/sessions.h"

#include <chrono>
#include <cstdint>

#include "gtest/gtest.h"

namespace holdfast {
namespace {

constexpr Instant kStart{std::chrono::hours(1)};

TEST(SessionsTest, OneThatIsForgottenStaysForItsLeasesAlone) {
  Sessions sessions;
  Session& session = sessions.Add("s", Principal());
  const std::uint64_t ordinal = session.ordinal;
  session.members = 1;
  sessions.Forget(session, kStart);
  EXPECT_EQ(sessions.Find("s"), nullptr);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(sessions.WithOrdinal(ordinal), &session);
  session.members = 0;
  sessions.DestroyIfUnused(session);
  EXPECT_EQ(sessions.WithOrdinal(ordinal), nullptr);
}

TEST(SessionsTest, OneThatIsKnownStaysWithoutLeases) {
  Sessions sessions;
  Session& session = sessions.Add("s", Principal());
  sessions.DestroyIfUnused(session);
  EXPECT_EQ(sessions.Find("s"), &session);
}

}  // namespace
}  // namespace holdfast
