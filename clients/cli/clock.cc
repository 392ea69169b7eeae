#include "clients/cli/clock.h"

#include <thread>

namespace holdfast::cli {

void Pause(Duration span) { std::this_thread::sleep_for(span); }

}  // namespace holdfast::cli
