#include "services/lock/rpc/stream_call.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "grpcpp/support/server_callback.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

using google::protobuf::StringValue;
using testing::ElementsAre;
using testing::IsEmpty;

// In the place of gRPC's reactor: writes down what it is told to do.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void OnWriteDone(bool ok) = 0;

  std::vector<std::string> done;

 protected:
  void StartWrite(const grpc::ByteBuffer* bytes) { done.push_back("write " + Text(*bytes)); }
  void StartWriteAndFinish(const grpc::ByteBuffer* bytes, grpc::WriteOptions /*options*/,
                           const grpc::Status& status) {
    done.push_back("write " + Text(*bytes) + ", end " + std::to_string(status.error_code()));
  }
  void Finish(const grpc::Status& status) {
    done.push_back("end " + std::to_string(status.error_code()));
  }

 private:
  static std::string Text(const grpc::ByteBuffer& bytes) {
    StringValue message;
    EXPECT_TRUE(ParseMessage(bytes, message).ok());
    return message.value();
  }
};

// Messages gather as one text.
class TextCall final : public StreamCall<Recorder, StringValue> {
 public:
  void Add(const std::string& text) {
    Step step;
    {
      MutexLock lock(mutex_);
      gathered_ += text;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  void End(const grpc::Status& status) {
    Step step;
    {
      MutexLock lock(mutex_);
      end_ = status;
      step = TakeStep();
    }
    CarryOut(std::move(step));
  }

  // As Add, but leaves the step to Resume, if there is one.
  bool AddForLater(const std::string& text) {
    MutexLock lock(mutex_);
    gathered_ += text;
    return Defer();
  }
  using StreamCall::Resume;

  void WriteDone(bool ok) { static_cast<Recorder*>(this)->OnWriteDone(ok); }

 private:
  Step NextStep() override REQUIRES(mutex_) {
    Step step;
    if (!gathered_.empty()) {
      step.message.emplace().set_value(std::exchange(gathered_, ""));
    }
    step.end = std::exchange(end_, std::nullopt);
    return step;
  }

  std::string gathered_ GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ GUARDED_BY(mutex_);
};

TEST(StreamCallTest, WhatGathersDuringAWriteGoesOutAsOne) {
  TextCall call;
  call.Add("a");
  call.Add("b");
  call.Add("c");
  EXPECT_THAT(call.done, ElementsAre("write a"));
  call.WriteDone(true);
  EXPECT_THAT(call.done, ElementsAre("write a", "write bc"));
  call.WriteDone(true);
  call.Add("d");
  EXPECT_THAT(call.done, ElementsAre("write a", "write bc", "write d"));
}

TEST(StreamCallTest, TheEndWaitsForTheWriteThatIsUnderWay) {
  TextCall call;
  call.Add("a");
  call.End(grpc::Status::OK);
  EXPECT_THAT(call.done, ElementsAre("write a"));
  call.WriteDone(true);
  EXPECT_THAT(call.done, ElementsAre("write a", "end 0"));
}

TEST(StreamCallTest, TheLastMessageTakesTheEndWithIt) {
  TextCall call;
  call.Add("a");
  call.Add("b");
  call.End(grpc::Status(grpc::StatusCode::ABORTED, ""));
  call.WriteDone(true);
  EXPECT_THAT(call.done, ElementsAre("write a", "write b, end 10"));
}

TEST(StreamCallTest, NothingFollowsTheEnd) {
  TextCall call;
  call.End(grpc::Status::OK);
  call.Add("a");
  call.End(grpc::Status::OK);
  EXPECT_THAT(call.done, ElementsAre("end 0"));
}

TEST(StreamCallTest, OnABrokenStreamOnlyTheEndIsLeft) {
  TextCall call;
  call.Add("a");
  call.Add("b");
  call.WriteDone(false);
  call.Add("c");
  EXPECT_THAT(call.done, ElementsAre("write a"));
  call.End(grpc::Status(grpc::StatusCode::ABORTED, ""));
  EXPECT_THAT(call.done, ElementsAre("write a", "end 10"));
}

TEST(StreamCallTest, ALastMessageThatCannotBeWrittenIsNoSuccess) {
  TextCall call;
  call.Add("a");
  call.Add("b");
  call.End(grpc::Status::OK);
  call.WriteDone(false);
  EXPECT_THAT(call.done, ElementsAre("write a", "end 1"));
}

TEST(StreamCallTest, AStepThatIsLeftToAnotherTakesWhatHasGatheredByThen) {
  TextCall call;
  EXPECT_TRUE(call.AddForLater("a"));
  EXPECT_FALSE(call.AddForLater("b")) << "it has been left to somebody already";
  call.Add("c");
  EXPECT_THAT(call.done, IsEmpty());
  call.Resume();
  EXPECT_THAT(call.done, ElementsAre("write abc"));
  EXPECT_FALSE(call.AddForLater("d")) << "the end of the write takes it";
  call.WriteDone(true);
  EXPECT_THAT(call.done, ElementsAre("write abc", "write d"));
}

TEST(StreamCallTest, NothingIsLeftToAnotherAfterTheEnd) {
  TextCall call;
  call.End(grpc::Status::OK);
  EXPECT_FALSE(call.AddForLater("a"));
}

TEST(OpenStreamsTest, AreAsManyAsMayBe) {
  OpenStreams streams(2);
  OpenStreams::Place first = streams.TryOpen();
  const OpenStreams::Place second = streams.TryOpen();
  EXPECT_NE(first, nullptr);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(streams.TryOpen(), nullptr);
  EXPECT_EQ(streams.TryOpen(), nullptr) << "a refused one takes no place";
  first.reset();
  EXPECT_NE(streams.TryOpen(), nullptr) << "and a closed one leaves its own";
}

}  // namespace
}  // namespace holdfast
