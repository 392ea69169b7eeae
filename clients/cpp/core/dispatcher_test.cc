#include "clients/cpp/core/dispatcher.h"

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "clients/cpp/core/rendezvous.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holdfast::core {
namespace {

TEST(DispatcherTest, RunsTasksInOrderOnAThreadOfItsOwn) {
  auto dispatcher = *Dispatcher::Create("test");
  std::vector<int> order;
  const auto poster = std::this_thread::get_id();
  for (int i = 0; i < 3; ++i) {
    dispatcher->Post([&order, i, poster] {
      EXPECT_NE(std::this_thread::get_id(), poster);
      order.push_back(i);
    });
  }
  dispatcher->Flush();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2));
}

TEST(DispatcherTest, StopRunsWhatWasPosted) {
  auto dispatcher = *Dispatcher::Create("test");
  int ran = 0;
  for (int i = 0; i < 100; ++i) dispatcher->Post([&ran] { ++ran; });
  dispatcher->Stop();
  EXPECT_EQ(ran, 100);
  dispatcher->Post([&ran] { ++ran; });
  EXPECT_EQ(ran, 101);
}

TEST(DispatcherTest, TaskMayDestroyItsDispatcher) {
  auto dispatcher = *Dispatcher::Create("test");
  auto last = std::make_shared<Rendezvous<bool>>();
  Dispatcher* const raw = dispatcher.get();
  raw->Post([dispatcher = std::move(dispatcher), last]() mutable {
    dispatcher->Flush();  // Would wait for itself.
    dispatcher->Post([last] { last->Set(true); });
    dispatcher = nullptr;
  });
  EXPECT_TRUE(last->Wait());
}

}  // namespace
}  // namespace holdfast::core
