#include <iostream>
#include <string>
#include <vector>

#include "tests/support/history/check_history.h"

int main(int argc, char** argv) {
  return holdfast::history::CheckHistory(std::vector<std::string>(argv + 1, argv + argc), std::cout,
                                         std::cerr);
}
