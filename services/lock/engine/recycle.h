// Vectors that are filled anew in every turn keep their buffers, but not those of a turn
// that was out of the ordinary.

#ifndef HOLDFAST_SERVICES_LOCK_ENGINE_RECYCLE_H_
#define HOLDFAST_SERVICES_LOCK_ENGINE_RECYCLE_H_

#include <cstddef>
#include <vector>

namespace holdfast {

// Far more than usual, and less than a megabyte of whatever a turn handles.
inline constexpr std::size_t kElementsKept = 1'024;

// Empties `elements`.
template <typename T>
void Recycle(std::vector<T>& elements) {
  if (elements.capacity() > kElementsKept) {
    elements = {};
  } else {
    elements.clear();
  }
}

}  // namespace holdfast

#endif  // HOLDFAST_SERVICES_LOCK_ENGINE_RECYCLE_H_
