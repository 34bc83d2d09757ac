"""Small lists of words that show tense, person, negation and sentiment, in English and in Chinese.

They are meant to be read at a glance, not to be complete: an attribute that they miss in a text only makes an
explanation weaker, and its fidelity is measured.
"""

from __future__ import annotations

import re

Cues = tuple[tuple[str, re.Pattern[str]], ...]  # (value, what shows it)


def _cue(english: str, chinese: str = "", anywhere: str = "") -> re.Pattern[str]:
    """Any of the English words, of the Chinese ones, which stand in a text without spaces, or of the expressions."""
    words = "|".join(map(re.escape, english.split()))
    others = [*map(re.escape, chinese.split()), *anywhere.split()]
    return re.compile("|".join([rf"\b(?:{words})\b", *others]))


# Of these the first that a text has decides; 我们 before 我, which it starts with.
TENSE: Cues = (
    (
        "past",
        _cue(
            "was were had did went came said told took gave got made felt thought ate left found bought paid knew saw "
            "heard became began brought kept held lost met ran sat sent sold spent stood won wrote rose fell grew "
            "chose drank spoke lay wasn't weren't hadn't didn't",
            "了 过 曾 已经 刚才",
            r"\b[a-z]{2,}(?<!ne)(?<!se)(?<!fe)(?<!sp)ed\b",
        ),
    ),
    ("future", _cue("will won't shall gonna", "将 会", r"'ll\b \bwo\sn't\b \bgoing\sto\b")),
    (
        "present",
        _cue(
            "is are am has have does do isn't aren't hasn't haven't doesn't don't says say thinks think feels feel "
            "wants want needs need knows know goes go comes come makes make gets get loves love likes like believe "
            "believes",
            "正在 是",
            r"(?<=[a-z])'(?:re|m|ve)\b (?<=\bit)\s?'s\b",
        ),
    ),
)
PERSON: Cues = (
    ("we", _cue("we us our ours ourselves", "我们 咱们")),
    ("I", _cue("i me my mine myself", "我")),
    ("you", _cue("you your yours yourself", "你 您")),
    ("they", _cue("they them their theirs themselves", "他们 她们 它们")),
    ("she or he", _cue("she her hers herself he him his himself", "他 她")),
)

NEGATION = _cue(
    "not no never none nothing nobody nowhere neither nor cannot without hardly",
    "不 没 无 别 未 非",
    r"n['’]t\b",
)
POSITIVE = _cue(
    "good great excellent amazing awesome best better love loved loves like liked likes nice friendly delicious "
    "perfect wonderful fantastic fresh tasty happy enjoy enjoyed beautiful recommend favorite clean helpful fun "
    "pleasant quick reasonable fair polite cosy quiet praised strong gain gains gained rise rose profit success win "
    "won improved improve decent comfortable attentive outstanding superb brilliant impressive solid easy cheap yummy",
    "好 棒 赞 喜欢 满意 不错 美味 新鲜 快 干净 舒服 推荐 值得 漂亮 热情 方便 实惠 开心 优秀 精彩",
)
NEGATIVE = _cue(
    "bad terrible horrible awful worst worse hate hated hates disliked dislikes dislike poor rude slow cold dirty "
    "disappointed disappointing disgusting overpriced bland dry wrong waste sad angry never mediocre gross stale "
    "greasy unfair steep inflated gloomy unpleasant noisy careless criticized complained loss losses lost fall fell "
    "decline declined drop dropped fail failed failure weak problem problems boring annoying expensive broken ugly",
    "差 难吃 慢 失望 糟 坏 贵 脏 难看 讨厌 投诉 垃圾 恶心 冷 退款 后悔 无聊 不好 不行 麻烦",
)
