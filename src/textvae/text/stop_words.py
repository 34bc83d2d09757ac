"""Words that say nothing of what a text is about, by language."""

from __future__ import annotations

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

# What scikit-learn's list lacks: forms of auxiliary verbs, and what splitting at apostrophes leaves of them.
_ENGLISH_TOO = (
    "ain aren couldn did didn does doesn doing don hadn hasn haven having isn just let ll mustn needn ours shan "
    "shouldn theirs ve wasn weren wouldn"
)

# Of two characters at least: single ones are no words of a topic model anyway.
_CHINESE = (
    "我们 你们 他们 她们 它们 咱们 自己 大家 别人 这个 那个 这些 那些 这样 那样 这里 那里 这儿 那儿 这种 "
    "那种 这次 那次 这么 那么 什么 怎么 怎样 怎么样 如何 为什么 为何 哪里 哪个 哪些 多少 因为 所以 但是 可是 "
    "不过 然而 虽然 尽管 如果 假如 要是 即使 只要 只有 只能 无论 不管 除了 除非 以及 而且 并且 或者 还是 "
    "或是 于是 然后 因此 从而 由于 关于 对于 至于 根据 按照 通过 为了 作为 随着 经过 之后 之前 以后 以前 "
    "之间 之中 其中 其他 其它 其余 另外 此外 同时 已经 正在 曾经 刚刚 马上 立刻 一直 总是 经常 常常 有时 "
    "有些 有的 有点 有人 一些 一个 一种 一样 一般 一定 一下 一点 一次 一起 一切 一旦 两个 几个 非常 十分 "
    "特别 比较 更加 最后 首先 其次 可以 可能 能够 应该 应当 必须 需要 不能 不会 不是 不要 不可 不同 没有 "
    "没什么 就是 只是 还有 也是 都是 而是 真的 的话 之类 等等 以上 以下 左右 其实 当然 甚至 尤其 几乎 大概 "
    "也许 似乎 好像 仍然 依然 果然 居然 突然 终于 反而 否则 不仅 不但 不断 不得不 并不 并非 并没有 每个 每次 "
    "各种 各个 某个 某些 任何 所有 全部 整个 许多 很多 这是 那是 也就是 换句话说 总之"
)

STOP_WORDS: dict[str, frozenset[str]] = {
    "english": ENGLISH_STOP_WORDS | frozenset(_ENGLISH_TOO.split()),
    "chinese": frozenset(_CHINESE.split()),
}
