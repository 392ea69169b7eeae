#include <thread>

#include "common/mutex.h"
#include "tests/bench/load/keys.h"
#include "tests/bench/load/measures.h"
#include "tests/bench/load/pair_caller.h"

namespace holdfast::bench {

std::optional<Report> MeasureReady(const std::function<std::unique_ptr<Driver>()>& make,
                                   std::chrono::duration<double> limit) {
  constexpr auto kBetween = std::chrono::milliseconds(2);
  const SteadyTime begin = Now();
  while (Now() - begin < limit) {
    if (const std::unique_ptr<Driver> driver = make(); driver != nullptr) {
      Window window(1);
      PairCaller caller(*driver, window, 0);
      caller.Start();
      if (window.Run({.warm_up = {}, .seconds = {}})) {
        return Report{{"at_s", std::chrono::duration<double>(Now().time_since_epoch()).count()}};
      }
    }
    std::this_thread::sleep_for(kBetween);
  }
  return {};
}

}  // namespace holdfast::bench
