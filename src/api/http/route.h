#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace settle::api {

/// What a method and a path of `/v1` ask for.
enum class Route : std::uint8_t {
  kBegin,
  kList,
  kQuery,
  kSubmit,
  kAbort,
  kReport,
  kEnlist,
  kGids,
  kOther,  ///< no such path, or not with this method
};
inline constexpr int kRoutes = 9;

std::string_view name_of(Route route);

struct Place {
  Route route = Route::kOther;
  std::string_view gid;     ///< as in the path; empty: none, `?transaction=` must name it
  std::string_view branch;  ///< as in the path
  std::string_view allow;   ///< kOther: the methods that this path has; empty: there is no such path
};

/// `has_transaction`: the query holds `transaction=`, which may stand for the gid; then the path leaves it out.
Place place_of(std::string_view method, std::string_view path, bool has_transaction);

}  // namespace settle::api
