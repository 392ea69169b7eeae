#include "services/lock/rpc/session_request.h"

#include <string>
#include <variant>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/lock/rpc/wire.h"
#include "tests/support/call_status.h"

namespace holdfast {
namespace {

using std::chrono::seconds;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Instant kNow(seconds(100));
constexpr char kAttach[] =
    "operations { id: 1 attach { session_id: 'session-0123456789' stream_number: 1 } }";
constexpr char kFirstPage[] =
    "operations { id: 1 attach { session_id: 'session-0123456789' stream_number: 1 more: true } }";

// One operation on a key and a lease_id that are valid.
std::string Operation(int id, const std::string& kind) {
  return "operations { id: " + std::to_string(id) + " " + kind +
         " { key: 'k' lease_id: '0123456789abcdef' } }";
}

std::string Acquire(int id, const std::string& more = "") {
  return "operations { id: " + std::to_string(id) +
         " acquire { request { key: 'k' lease_id: '0123456789abcdef' " + more + "} } }";
}

class SessionReaderTest : public testing::Test {
 protected:
  // OK, or the field that ended the stream; what came instead of INVALID_FIELD otherwise.
  std::string Read(const std::string& text) {
    v1::SessionRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    return Read(SerializeMessage(request));
  }

  std::string Read(const grpc::ByteBuffer& bytes) {
    work_ = SessionWork();
    const CallStatus status = Decode(reader_.Read(bytes, kNow, work_));
    if (status.ok()) return "OK";
    return status.reason == "INVALID_FIELD" ? status.Get("field")
                                            : status.reason + status.Get("limit");
  }

  // Of the one operation that failed.
  CallStatus Failure() {
    EXPECT_THAT(work_.failed, SizeIs(1));
    return work_.failed.empty() ? CallStatus() : Decode(work_.failed[0].status);
  }

  OpenOperations open_{4};
  SessionReader reader_{open_, 10'000, /*local=*/true};
  SessionWork work_;
};

TEST_F(SessionReaderTest, TurnsOperationsIntoCommandsInTheirOrder) {
  ASSERT_EQ(Read(std::string(kAttach) + Acquire(2) + Operation(3, "release") + "received: 7"),
            "OK");
  EXPECT_EQ(work_.received, 7u);
  ASSERT_TRUE(work_.attach.has_value());
  EXPECT_EQ(work_.attach_id, 1u);
  EXPECT_EQ(work_.attach->session_id, "session-0123456789");
  EXPECT_TRUE(work_.attach->local);
  ASSERT_THAT(work_.operations, SizeIs(2));
  EXPECT_EQ(work_.operations[0].id, 2u);
  EXPECT_EQ(std::get<AcquireCommand>(work_.operations[0].body).received, kNow);
  EXPECT_EQ(work_.operations[1].id, 3u);
  EXPECT_EQ(std::get<ReleaseCommand>(work_.operations[1].body).key, "k");

  ASSERT_EQ(Read(Operation(4, "renew")), "OK");
  EXPECT_EQ(std::get<RenewCommand>(work_.operations[0].body).received, kNow);
  open_.End(4);
  ASSERT_EQ(Read("operations { id: 5 renew_all {} }"), "OK");
  EXPECT_TRUE(std::holds_alternative<RenewAllCommand>(work_.operations[0].body));
  open_.End(5);
  ASSERT_EQ(Read(Operation(6, "detach")), "OK");
  EXPECT_EQ(std::get<DetachCommand>(work_.operations[0].body).lease_id, "0123456789abcdef");
}

TEST_F(SessionReaderTest, AttachComesFirstAndOnce) {
  EXPECT_EQ(Read(Acquire(1)), "operations.attach");
  EXPECT_EQ(Read(""), "OK") << "a message may be empty";
  EXPECT_EQ(Read(kAttach), "OK");
  open_.End(1);
  EXPECT_EQ(Read(kAttach), "operations.attach");
}

TEST_F(SessionReaderTest, AnAttachThatIsWrongEndsTheStream) {
  EXPECT_EQ(Read("operations { id: 1 attach { session_id: 'short' stream_number: 1 } }"),
            "operations.attach.session_id");
}

TEST_F(SessionReaderTest, PagesFollowWithNothingButAcquiresBetween) {
  ASSERT_EQ(Read(kFirstPage), "OK");
  EXPECT_TRUE(work_.attach->more);
  ASSERT_EQ(Read(Acquire(2) +
                 "operations { id: 1 attach { more: true leases { key: 'k' "
                 "lease_id: '0123456789abcdef' } } }" +
                 Acquire(3)),
            "OK");
  ASSERT_THAT(work_.operations, SizeIs(3));
  EXPECT_EQ(work_.operations[1].id, 1u);
  const auto& page = std::get<AttachPageCommand>(work_.operations[1].body);
  EXPECT_TRUE(page.more);
  EXPECT_THAT(page.leases, SizeIs(1));
  EXPECT_EQ(Read(Operation(4, "release")), "operations.attach");
  EXPECT_EQ(Read("operations { id: 4 attach { } }"), "operations.id");
  EXPECT_EQ(Read("operations { id: 1 attach { } }"), "OK");
  EXPECT_EQ(Read(Operation(4, "release")), "OK") << "the last page may be empty";
  EXPECT_EQ(Read("operations { id: 1 attach { } }"), "operations.attach");
}

TEST_F(SessionReaderTest, AnOperationThatIsWrongFailsAlone) {
  ASSERT_EQ(Read(kAttach), "OK");
  ASSERT_EQ(Read("operations { id: 2 release { lease_id: '0123456789abcdef' } }" + Acquire(3)),
            "OK");
  EXPECT_EQ(work_.failed[0].id, 2u);
  EXPECT_EQ(Failure().reason, "INVALID_FIELD");
  EXPECT_EQ(Failure().Get("field"), "key");
  EXPECT_THAT(work_.operations, SizeIs(1));
  open_.End(2);
  EXPECT_EQ(Read(Operation(2, "release")), "OK") << "the id is free again";
}

TEST_F(SessionReaderTest, BoundNeedsAnExpire) {
  ASSERT_EQ(Read(kAttach), "OK");
  ASSERT_EQ(Read(Acquire(2, "bound: true")), "OK");
  EXPECT_EQ(Failure().Get("field"), "bound");
  open_.End(2);
  ASSERT_EQ(Read(Acquire(2, "bound: true expire { seconds: 1 }")), "OK");
  EXPECT_TRUE(std::get<AcquireCommand>(work_.operations[0].body).spec.bound);
}

TEST_F(SessionReaderTest, AnOperationOfAnUnknownKindFailsAlone) {
  ASSERT_EQ(Read(kAttach), "OK");
  ASSERT_EQ(Read("operations { id: 2 }"), "OK");
  EXPECT_EQ(Failure().Get("field"), "operation");
  EXPECT_THAT(work_.operations, IsEmpty());
}

TEST_F(SessionReaderTest, IdsAreNotZeroAndNotUsedTwiceWithoutAnAnswer) {
  ASSERT_EQ(Read(kAttach), "OK");
  EXPECT_EQ(Read(Acquire(0)), "operations.id");
  EXPECT_EQ(Read(Acquire(2)), "OK");
  EXPECT_EQ(Read(Acquire(2)), "operations.id");
  EXPECT_EQ(Read(Acquire(1)), "operations.id") << "Attach has no answer either";
  EXPECT_EQ(open_.End(2), "k");
  EXPECT_EQ(Read(Acquire(2)), "OK");
}

// `failed` with that id would be taken for the answer to the one that is open.
TEST_F(SessionReaderTest, AnIdInUseEndsTheStreamWhateverElseIsWrong) {
  ASSERT_EQ(Read(kAttach), "OK");
  ASSERT_EQ(Read(Acquire(2)), "OK");
  EXPECT_EQ(Read("operations { id: 2 release { lease_id: '0123456789abcdef' } }"), "operations.id");
  EXPECT_EQ(Read("operations { id: 2 }"), "operations.id");
  // Nor may one take the id of a failure that its client has not been told of.
  ASSERT_EQ(Read("operations { id: 3 }"), "OK");
  EXPECT_EQ(Read(Acquire(3)), "operations.id");
}

TEST_F(SessionReaderTest, TooManyWithoutAnAnswerFailOneByOne) {
  ASSERT_EQ(Read(std::string(kAttach) + Acquire(2) + Acquire(3) + Acquire(4) + Acquire(5)), "OK");
  EXPECT_THAT(work_.operations, SizeIs(3));
  EXPECT_EQ(Failure().reason, "LIMIT_EXCEEDED");
  EXPECT_EQ(Failure().Get("limit"), "max_session_operations");
  EXPECT_EQ(work_.failed[0].id, 5u);
  EXPECT_EQ(Read(Acquire(4)), "operations.id") << "but an id is not used twice for that";
  open_.End(3);
  EXPECT_EQ(Read(Acquire(5)), "OK");
  EXPECT_THAT(work_.operations, SizeIs(1));
}

TEST_F(SessionReaderTest, AMessageHasAtMost1024Operations) {
  OpenOperations open(2'000);
  SessionReader reader(open, 100'000, /*local=*/true);
  v1::SessionRequest request;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kAttach, &request));
  for (int i = 2; i <= 1'024; ++i) {
    v1::Operation& operation = *request.add_operations();
    operation.set_id(static_cast<std::uint64_t>(i));
    operation.mutable_renew_all();
  }
  EXPECT_TRUE(reader.Read(SerializeMessage(request), kNow, work_).ok());
  EXPECT_THAT(work_.operations, SizeIs(1'023));
  *request.add_operations() = request.operations(1);
  EXPECT_EQ(Read(SerializeMessage(request)), "operations");
}

TEST_F(SessionReaderTest, AMessageHasAtMostSoManyBytes) {
  EXPECT_EQ(Read("operations { id: 1 release { key: '" + std::string(10'000, 'k') + "' } }"),
            "LIMIT_EXCEEDEDmax_message_bytes");
}

TEST_F(SessionReaderTest, WhatIsNoMessageEndsTheStream) {
  const grpc::Slice slice(std::string("\xff\xff\xff"));
  EXPECT_EQ(Read(grpc::ByteBuffer(&slice, 1)), "MALFORMED_REQUEST");
  EXPECT_EQ(Read(grpc::ByteBuffer()), "MALFORMED_REQUEST");
}

}  // namespace
}  // namespace holdfast
