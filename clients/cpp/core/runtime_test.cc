#include "clients/cpp/core/runtime.h"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

TEST(WorkerTest, RunsTasksInOrderOnAThreadOfItsOwn) {
  auto worker = *Worker::Create("test");
  std::vector<int> order;
  const auto poster = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    worker->Post([&order, i, poster] {
      EXPECT_NE(std::this_thread::get_id(), poster);
      order.push_back(i);
    });
  }
  worker->Flush();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2));
}

TEST(WorkerTest, StopRunsWhatWasPosted) {
  auto worker = *Worker::Create("test");
  int ran = 0;
  for (int i = 0; i < 100; ++i) worker->Post([&ran] { ++ran; });
  worker->Stop();
  EXPECT_EQ(ran, 100);
  worker->Post([&ran] { ++ran; });
  EXPECT_EQ(ran, 101);
}

TEST(WorkerTest, TaskMayDestroyItsWorker) {
  auto worker = *Worker::Create("test");
  auto last = std::make_shared<Handover<bool>>();
  Worker* const raw = worker.get();
  raw->Post([worker = std::move(worker), last]() mutable {
    worker->Flush();  // Would wait for itself.
    worker->Post([last] { last->Set(true); });
    worker = nullptr;
  });
  EXPECT_TRUE(last->Wait());
}

}  // namespace
}  // namespace holdfast::core
