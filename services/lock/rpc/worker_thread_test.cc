#include "services/lock/rpc/worker_thread.h"

#include <future>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(WorkerThreadTest, DoesEverythingInOrderBeforeItEnds) {
  std::vector<int> done;
  {
    WorkerThread worker;
    for (int i = 0; i < 3; ++i) worker.Post([&, i] { done.push_back(i); });
  }
  EXPECT_THAT(done, testing::ElementsAre(0, 1, 2));
}

TEST(WorkerThreadTest, WorksWhileItsOwnerDoesNot) {
  WorkerThread worker;
  for (int i = 0; i < 100; ++i) {
    std::promise<std::thread::id> done;
    worker.Post([&] { done.set_value(std::this_thread::get_id()); });
    EXPECT_NE(done.get_future().get(), std::this_thread::get_id());
  }
}

TEST(WorkerThreadTest, TakesWhatItHandsToItself) {
  bool done = false;
  {
    WorkerThread worker;
    worker.Post([&] { worker.Post([&] { done = true; }); });
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace holdfast
