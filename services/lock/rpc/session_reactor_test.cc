// Sessions through a real server: what a client reads, and how streams end.

#include "services/lock/rpc/session_reactor.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/lock/engine/testing/gate_store.h"
#include "services/lock/rpc/testing/session_fixture.h"
#include "tests/support/acquire_args.h"
#include "tests/support/call_status.h"
#include "tests/support/eventually.h"
#include "tests/support/session_stream.h"
#include "tests/support/stub_client.h"

namespace holdfast {
namespace {

using grpc::StatusCode;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;

TEST_F(SessionTest, CarriesEveryOperation) {
  StartServer();
  const auto session = NewStream();
  EXPECT_FALSE(session->Attach().resumed());

  const v1::Event granted = session->Await(
      session->Acquire({.key = "k", .lease_id = Id("a"), .expire = seconds(60), .owner = "me"}));
  ASSERT_TRUE(granted.has_granted()) << granted.DebugString();
  EXPECT_GT(granted.granted().fencing_token(), 0u);
  EXPECT_EQ(granted.granted().expire().seconds(), 60);
  EXPECT_EQ(granted.granted().remaining().seconds(), 60);
  EXPECT_EQ(granted.granted().key(), "") << "the client knows it";
  EXPECT_EQ(granted.granted().owner(), "");
  EXPECT_EQ(client_->Get("k").response.holders(0).owner(), "me");

  const v1::Event renewed = session->Await(session->Renew("k", Id("a"), seconds(90)));
  EXPECT_EQ(renewed.renewed().expire().seconds(), 90) << renewed.DebugString();

  ASSERT_TRUE(session->Acknowledge());
  EXPECT_EQ(session->Await(session->RenewAll()).renewed_all().leases(), 1u);

  EXPECT_TRUE(session->Await(session->Release("k", Id("a"))).has_released());
  EXPECT_EQ(client_->Get("k").response.holders_size(), 0);

  session->Acquire({.key = "k", .lease_id = Id("b")});
  EXPECT_TRUE(session->Await(session->Detach("k", Id("b"))).has_detached());
}

TEST_F(SessionTest, AttachingTellsHowLongAMessageMayBe) {
  StartServer({.rpc_limits = {.max_message_bytes = 5'000}});
  EXPECT_EQ(NewStream(1)->Attach().max_message_bytes(), 5'000u);
}

TEST_F(SessionTest, MessagesCountFromOne) {
  StartServer();
  const auto session = Attached();
  EXPECT_EQ(session->number(), 1u);
  for (std::uint64_t number = 2; number < 10; ++number) {
    session->Await(session->RenewAll());
    EXPECT_EQ(session->number(), number);
  }
}

// Every operation of a message is answered, each once, by far fewer messages.
TEST_F(SessionTest, AnswersOfOneMessageComeTogether) {
  StartServer();
  const auto session = Attached();
  constexpr int kOperations = 500;
  v1::SessionRequest request;
  std::set<std::uint64_t> waiting;
  for (int i = 0; i < kOperations; ++i) {
    v1::Operation operation = session->NewOperation();
    waiting.insert(operation.id());
    v1::AcquireRequest& acquire = *operation.mutable_acquire()->mutable_request();
    acquire.set_key("k" + std::to_string(i));
    acquire.set_lease_id(Id("a", i));
    *request.add_operations() = operation;
  }
  ASSERT_TRUE(session->Send(request));
  int messages = 0;
  for (; !waiting.empty(); ++messages) {
    const auto message = session->NextMessage();
    ASSERT_TRUE(message.has_value()) << session->End();
    for (const v1::Event& event : message->events()) {
      EXPECT_TRUE(event.has_granted());
      EXPECT_EQ(waiting.erase(event.id()), 1u) << event.id();
    }
  }
  EXPECT_LT(messages, 10);
  EXPECT_EQ(server_->engine().stats().leases, std::size_t{kOperations});
}

TEST_F(SessionTest, AnOperationThatIsWrongFailsAloneAndAsTheUnaryCallDoes) {
  StartServer();
  const auto session = Attached();
  const CallStatus alone = FailureOf(session->Await(session->Release("", Id("a"))));
  const CallStatus unary = client_->Release("", Id("a"));
  EXPECT_EQ(alone.code, unary.code);
  EXPECT_EQ(alone.message, unary.message);
  EXPECT_EQ(alone.reason, "INVALID_FIELD");
  EXPECT_EQ(alone.metadata, unary.metadata);
  EXPECT_TRUE(session->Await(session->RenewAll()).has_renewed_all()) << "and the stream goes on";
}

TEST_F(SessionTest, BoundIsForSessionsWithAnExpire) {
  StartServer();
  const AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = seconds(60), .bound = true};
  EXPECT_EQ(client_->Acquire(args).status.Get("field"), "bound");
  const auto session = Attached();
  const auto without = session->Acquire({.key = "k", .lease_id = Id("a"), .bound = true});
  EXPECT_EQ(FailureOf(session->Await(without)).Get("field"), "bound");
  EXPECT_TRUE(session->Await(session->Acquire(args)).has_granted());
}

TEST_F(SessionTest, MaxHoldIsPartOfTheRequestOnEveryWay) {
  StartServer();
  AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = seconds(60), .max_hold = seconds(10)};
  const auto lease = client_->Acquire(args);
  ASSERT_TRUE(lease.ok()) << lease.status;
  EXPECT_LE(FromProto(lease.response.remaining()), seconds(10));
  args.max_hold = seconds(11);
  EXPECT_EQ(client_->Acquire(args).status.Get("field"), "max_hold");
  const auto session = Attached();
  EXPECT_EQ(FailureOf(session->Await(session->Acquire(args))).Get("field"), "max_hold");
  args.max_hold = seconds(10);
  EXPECT_TRUE(session->Await(session->Acquire(args)).has_granted());
}

// --- Waiting --------------------------------------------------------------------

TEST_F(SessionTest, AWaitIsGrantedInItsTurn) {
  StartServer();
  const auto session = Attached();
  session->Await(session->Acquire({.key = "k", .lease_id = Id("a")}));
  const std::uint64_t second = session->Acquire({.key = "k", .lease_id = Id("b"), .owner = "b"},
                                                /*report_queue=*/true);
  const std::uint64_t third = session->Acquire({.key = "k", .lease_id = Id("c")});
  const auto queued = session->Next();
  ASSERT_TRUE(queued.has_value());
  EXPECT_EQ(queued->id(), second);
  EXPECT_EQ(queued->queued().position(), 1u);

  session->Await(session->Release("k", Id("a")));
  EXPECT_TRUE(session->Await(second).has_granted());
  session->Await(session->Release("k", Id("b")));
  EXPECT_TRUE(session->Await(third).has_granted());
}

TEST_F(SessionTest, ReleaseLeavesTheQueueAndAnswersBoth) {
  StartServer();
  const auto session = Attached();
  session->Await(session->Acquire({.key = "k", .lease_id = Id("a")}));
  const std::uint64_t waiting = session->Acquire({.key = "k", .lease_id = Id("b")});
  const std::uint64_t release = session->Release("k", Id("b"));
  EXPECT_TRUE(session->Await(release).has_released());
  EXPECT_EQ(FailureOf(session->Await(waiting)).reason, "LEASE_ENDED");
}

TEST_F(SessionTest, AHolderIsToldOfItsForcedRelease) {
  StartServer();
  const auto session = Attached();
  session->Await(session->Acquire({.key = "k", .lease_id = Id("a")}));
  session->Acknowledge();
  ASSERT_TRUE(client_->ForceRelease("k").ok());
  const auto event = session->Next();
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->id(), 0u);
  EXPECT_EQ(event->lease_ended().key(), "k");
  EXPECT_EQ(event->lease_ended().lease_id(), Id("a"));
  EXPECT_EQ(event->lease_ended().reason(), v1::LEASE_FORCED);
}

// --- Acknowledging --------------------------------------------------------------

TEST_F(SessionTest, AGrantCountsForRenewalsOnceItIsAcknowledged) {
  StartServer();
  const auto session = Attached();
  const AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = seconds(60)};
  ASSERT_TRUE(session->Await(session->Acquire(args)).has_granted());
  EXPECT_EQ(session->Await(session->RenewAll()).renewed_all().leases(), 0u);
  // In the same message, and before it.
  v1::SessionRequest request;
  *request.add_operations() = session->NewOperation();
  request.mutable_operations(0)->mutable_renew_all();
  request.set_received(session->number());
  ASSERT_TRUE(session->Send(request));
  EXPECT_EQ(session->Await(request.operations(0).id()).renewed_all().leases(), 1u);
}

TEST_F(SessionTest, OnlyWhatWasSentCanBeAcknowledged) {
  StartServer();
  const auto session = Attached();
  v1::SessionRequest request;
  request.set_received(session->number() + 1);
  session->Send(request);
  const CallStatus end = session->End();
  EXPECT_EQ(end.code, StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(end.Get("field"), "received");
}

// --- The end of a stream --------------------------------------------------------

TEST_F(SessionTest, ItsClientEndsItWell) {
  StartServer();
  const auto session = Attached();
  session->HalfClose();
  EXPECT_TRUE(session->End().ok());
}

TEST_F(SessionTest, OneThatNeverAttachedEndsAsWell) {
  StartServer();
  const auto half_closed = NewStream();
  half_closed->HalfClose();
  EXPECT_TRUE(half_closed->End().ok());
  const auto cancelled = NewStream();
  cancelled->Cancel();
  EXPECT_EQ(cancelled->End().code, StatusCode::CANCELLED);
}

TEST_F(SessionTest, WhatBreaksItsRulesEndsItAndIsNotCarriedOut) {
  StartServer();
  const auto session = Attached();
  v1::SessionRequest request;
  v1::Operation good = session->NewOperation();
  *good.mutable_acquire()->mutable_request() = ToRequest({.key = "k", .lease_id = Id("a")});
  *request.add_operations() = good;
  request.add_operations()->mutable_renew_all();
  session->Send(request);
  const CallStatus end = session->End();
  EXPECT_EQ(end.code, StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(end.reason, "INVALID_FIELD");
  EXPECT_EQ(end.Get("field"), "operations.id");
  EXPECT_EQ(client_->Get("k").response.holders_size(), 0);

  const auto unattached = NewStream();
  unattached->RenewAll();
  EXPECT_EQ(unattached->End().Get("field"), "operations.attach");
}

TEST_F(SessionTest, ANewerStreamTakesItOver) {
  StartServer();
  const auto older = Attached(1);
  older->Await(older->Acquire({.key = "k", .lease_id = Id("a")}));
  older->Acknowledge();
  const auto newer = NewStream(2);
  EXPECT_TRUE(newer->Attach({{.key = "k", .lease_id = Id("a")}}).resumed());
  const CallStatus end = older->End();
  EXPECT_EQ(end.code, StatusCode::ABORTED);
  EXPECT_EQ(end.reason, "SESSION_REPLACED");
  EXPECT_TRUE(newer->Await(newer->Release("k", Id("a"))).has_released());
}

TEST_F(SessionTest, AnOlderStreamTakesNothingOver) {
  StartServer();
  const auto newer = Attached(2);
  const auto older = NewStream(1);
  older->Attach();
  EXPECT_EQ(older->End().reason, "SESSION_REPLACED");
  EXPECT_TRUE(newer->Await(newer->RenewAll()).has_renewed_all());
}

// Many streams of one session at once, in no order: the newest is left.
TEST_F(SessionTest, StreamsThatRaceLeaveOne) {
  StartServer();
  for (std::uint64_t round = 0; round < 10; ++round) {
    std::vector<std::unique_ptr<SessionStream>> streams;
    for (std::uint64_t i = 1; i <= 8; ++i) streams.push_back(NewStream(8 * round + i));
    std::vector<std::thread> threads;
    for (const auto& stream : streams) threads.emplace_back([&stream] { stream->Attach(); });
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i + 1 < streams.size(); ++i) {
      EXPECT_EQ(streams[i]->End().reason, "SESSION_REPLACED");
    }
    EXPECT_TRUE(streams.back()->Await(streams.back()->RenewAll()).has_renewed_all());
  }
}

TEST_F(SessionTest, DrainingEndsAllOfThemBehindWhatTheyWereToBeTold) {
  StartServer();
  std::vector<std::unique_ptr<SessionStream>> sessions;
  for (int i = 0; i < 20; ++i) {
    sessions.push_back(Attached(1, "session-0123456789-" + std::to_string(i)));
    sessions.back()->Acquire({.key = "k" + std::to_string(i), .lease_id = Id("a", i)});
    sessions.back()->Acquire({.key = "k" + std::to_string(i), .lease_id = Id("b", i)});
  }
  ASSERT_TRUE(Eventually([&] {
    const TableStats stats = server_->engine().stats();
    return stats.leases == 20 && stats.waiters == 20;
  }));
  server_->engine().Drain();
  for (const auto& session : sessions) {
    const auto granted = session->Next();
    ASSERT_TRUE(granted.has_value());
    EXPECT_TRUE(granted->has_granted());
    const CallStatus end = session->End();
    EXPECT_EQ(end.code, StatusCode::UNAVAILABLE);
    EXPECT_EQ(end.reason, "SERVER_STOPPING");
    EXPECT_TRUE(end.has_retry_info);
  }
  EXPECT_EQ(server_->engine().stats().leases, 20u) << "leases outlive the server";
}

TEST_F(SessionTest, WhileTheServerLoadsAttachLater) {
  StartServer({.load = false});
  const auto session = NewStream();
  session->Attach();
  EXPECT_EQ(session->End().reason, "SERVER_STARTING");
  server_->Load();
  const auto later = Attached(2);
  EXPECT_TRUE(later->Await(later->RenewAll()).has_renewed_all());
}

// Cancels that meet answers, and ends that meet cancels, at every point.
TEST_F(SessionTest, ACancelMayComeAtAnyTime) {
  StartServer({.limits = {.reattach_window = std::chrono::milliseconds(1)}});
  for (std::uint64_t round = 1; round <= 200; ++round) {
    auto session = NewStream(round);
    v1::Operation attach = session->NewOperation();
    attach.mutable_attach()->set_session_id(kSession);
    attach.mutable_attach()->set_stream_number(round);
    session->Send(attach);
    session->Acquire({.key = "k",
                      .lease_id = Id("a", static_cast<int>(round)),
                      .expire = std::chrono::milliseconds(1)});
    std::thread canceller([&] {
      LetPass(round * std::chrono::microseconds(10));
      session->Cancel();
    });
    if (round % 2 == 0) session->HalfClose();
    session->End();
    canceller.join();
  }
  // Whatever was granted and not acknowledged runs to its lapse, and is passed on.
  EXPECT_TRUE(Eventually([&] {
    client_->Get("k");
    return server_->engine().stats().leases == 0 && server_->engine().stats().waiters == 0;
  }));
}

// --- Limits ---------------------------------------------------------------------

TEST_F(SessionTest, SessionsAreLimited) {
  StartServer({.limits = {.max_sessions = 2}, .rpc_limits = {.max_sessions = 2}});
  auto first = Attached(1, "session-0123456789-1");
  const auto second = Attached(1, "session-0123456789-2");
  const auto third = NewStream(1, "session-0123456789-3");
  third->Attach();
  const CallStatus end = third->End();
  EXPECT_EQ(end.code, StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(end.Get("limit"), "max_sessions");
  const auto again = NewStream(2, "session-0123456789-1");
  EXPECT_TRUE(again->Attach().resumed()) << "one that is known needs no more room";
}

// Streams that attach to nothing count too, or they could be as many as anybody likes.
TEST_F(SessionTest, SoAreStreams) {
  StartServer({.rpc_limits = {.max_sessions = 2}});
  std::vector<std::unique_ptr<SessionStream>> streams;
  EXPECT_TRUE(Eventually([&] {
    // One that was refused because `one_more` had come before it takes no place later.
    streams.push_back(NewStream());
    const auto one_more = NewStream();
    one_more->HalfClose();
    return one_more->End().Get("limit") == "max_sessions";
  }));
  // Those that are refused may be cancelled as well, before they know or after.
  for (int i = 0; i < 100; ++i) NewStream()->Cancel();
  EXPECT_TRUE(client_->Get("k").ok());
}

TEST_F(SessionTest, OperationsWithoutAnAnswerAreLimited) {
  StartServer({.rpc_limits = {.max_session_operations = 3}});
  const auto session = Attached();
  session->Await(session->Acquire({.key = "k", .lease_id = Id("a")}));
  for (int i = 0; i < 3; ++i) session->Acquire({.key = "k", .lease_id = Id("w", i)});
  const CallStatus failure = FailureOf(session->Await(session->RenewAll()));
  EXPECT_EQ(failure.code, StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(failure.Get("limit"), "max_session_operations");
  ASSERT_TRUE(client_->Release("k", Id("w", 0)).ok());
  EXPECT_EQ(FailureOf(session->Await(3)).reason, "LEASE_ENDED");
  EXPECT_TRUE(session->Await(session->RenewAll()).has_renewed_all()) << "there is room again";
}

// The acknowledgement that came with them is not lost.
TEST_F(SessionTest, AFullMailboxRefusesTheOperationsOfAMessage) {
  StoreGate gate;
  StartServer({.limits = {.max_pending_commands = 3}, .load = false});
  server_->Load(std::make_unique<GateStore>(gate));
  const auto session = Attached();
  const AcquireArgs args{.key = "k", .lease_id = Id("a"), .expire = seconds(60)};
  ASSERT_TRUE(session->Await(session->Acquire(args)).has_granted());
  gate.Close();
  std::thread blocked([&] { client_->Acquire({.key = "other", .lease_id = Id("other")}); });
  gate.AwaitArrival();
  v1::SessionRequest request;
  for (int i = 0; i < 4; ++i) {
    *request.add_operations() = session->NewOperation();
    request.mutable_operations(i)->mutable_renew_all();
  }
  request.set_received(session->number());
  session->Send(request);
  for (const v1::Operation& operation : request.operations()) {
    EXPECT_EQ(FailureOf(session->Await(operation.id())).Get("limit"), "max_pending_commands");
  }
  gate.Open();
  blocked.join();
  EXPECT_EQ(session->Await(session->RenewAll()).renewed_all().leases(), 1u);
}

// A list with a page missing would end the leases on it.
TEST_F(SessionTest, AFullMailboxThatCannotTakeAPageEndsTheStream) {
  StartServer({.limits = {.max_pending_commands = 3}});
  const auto session = NewStream();
  v1::Operation page = session->NewOperation();
  page.mutable_attach()->set_session_id(kSession);
  page.mutable_attach()->set_stream_number(1);
  page.mutable_attach()->set_more(true);
  session->Send(page);
  page.mutable_attach()->clear_session_id();
  page.mutable_attach()->clear_stream_number();
  v1::SessionRequest request;
  for (int i = 0; i < 4; ++i) *request.add_operations() = page;
  request.mutable_operations(3)->mutable_attach()->clear_more();
  session->Send(request);
  const CallStatus end = session->End();
  EXPECT_EQ(end.code, StatusCode::RESOURCE_EXHAUSTED) << end;
  EXPECT_EQ(end.Get("limit"), "max_pending_commands") << end;
}

}  // namespace
}  // namespace holdfast
