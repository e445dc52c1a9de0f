"""The words of README.zh-CN.md: the paper's own sentences, and verdicts and readings in Chinese."""

from collections.abc import Iterator

import pandas as pd

from idgan_sc.report.verdicts import as_far, was_judged
from idgan_sc.report.words import label, places

# What the paper says, in its own words, shortened to the claim; each is about the models that the claim names.
SENTENCES = {
    "C1": "InfoGAN 模型的解耦分数在训练过程中稳定在 0.8 左右",
    "C2": "InfoGAN-CR 模型和 IDGAN-SC 模型在迭代次数为 22 000 左右（第二阶段的 64 %）时解耦性能趋于稳定",
    "C3": "InfoGAN-CR 模型的解耦分数达到 0.88 左右，相较于 InfoGAN 模型提高了 0.08",
    "C4": "IDGAN-SC（不使用 β-VAE）的解耦分数达到 0.90 左右，比 InfoGAN 提高 0.10，且优于 InfoGAN-CR",
    "C5": "IDGAN-SC（使用和不使用 β-VAE）在 FactorVAE、DCI、SAP、β-VAE 度量中的解耦分数显著高于其他模型",
    "C6": "在 MIG 评价指标中，IDGAN-SC（使用 β-VAE）的解耦分数比 FactorVAE 模型低 0.01 左右",
    "C7": "使用 β-VAE 模型学习解耦表示空间，进一步提升模型的解耦分数（β-VAE 度量中持平）",
    "C8": "IDGAN-SC 模型分别控制大小、形状、x 坐标、y 坐标和旋转 5 个生成因子发生变化",
    "C9": "在 MNIST 上，InfoGAN-CR 控制一个因子时其他因子同时变化；IDGAN-SC 学习到粗细、风格、角度、宽度 4 个因子",
    "C10": "在 CelebA 上，InfoGAN-CR 控制背景和表情时人脸角度发生变化；IDGAN-SC 学习到背景、刘海等 5 个因子",
    "C11": "解耦表示空间提高正负样本标签的准确性，早于 InfoGAN-CR；监督对比正则化项增强解耦隐变量各维度之间的独立性",
}
PLACES = {
    "Sec. 3.1, Fig. 3": "3.1 节，图 3",
    "Sec. 3.2, Table 3": "3.2 节，表 3",
    "Sec. 3.3.1, Fig. 4": "3.3.1 节，图 4",
    "Sec. 3.3.2, Figs. 5 and 6": "3.3.2 节，图 5、6",
    "Sec. 3.3.3, Figs. 7 and 8": "3.3.3 节，图 7、8",
    "Secs. 2.1 and 2.2": "2.1 节和 2.2 节",
}
VERDICTS = {
    "reproduced": "复现",
    "partly": "部分复现",
    "not_reproduced": "未复现",
    "inconclusive": "证据不足",
    "not_tested": "未检验",
}
ANSWERS = {
    "yes": "成立",
    "no": "不成立",
    "unclear": "不明确",
    "untested": "未运行",
    "elsewhere": "在其他预设检验",
}
CLAIMS_HEAD = "| 编号 | 论文位置 | 论文的论断 | 结论 | 种子数 |"
MNIST_HEAD = "| 系统 | 种子 | 其他因子的变化 | 行熵 | 列熵 | 类别变化 |"
NOTHING = "尚未发布任何结果，因此还没有结论。"


def claim_rows(claims: pd.DataFrame, readings: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Yield a row for each claim below `CLAIMS_HEAD`; a reading comes before the registered verdict."""
    read = readings.set_index("claim")["chinese"]
    for _, claim in claims.iterrows():
        name = claim["claim"]
        first = f"**{read[name]}**；登记的结论：" if name in read else ""
        place = PLACES[" ".join(claim["place"].split())]
        yield name, place, SENTENCES[name], first + verdict_text(claim), claim["n"]


def verdict_text(claim: pd.Series) -> str:
    """Say a claim's verdict, and how its checks came out."""
    counts = "，".join(f"{claim[name]} 项{words}" for name, words in ANSWERS.items() if claim[name])
    part = "仅就此处检验的部分：" if as_far(claim) else ""
    return VERDICTS[claim["verdict"]] + (f"（{part}{counts}）" if was_judged(claim) else "")


def answer_lines(checks: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence a check: what the paper says, and what is found."""
    for number, (_, row) in enumerate(checks.iterrows(), 1):
        says = f"提高 {row['value']:.2f}" if pd.notna(row["value"]) else "有所提高"
        above, below = row["low"] > 0, row["high"] < 0
        found = "提高 " if above else "降低 " if below else "看不出变化："
        size = places(abs(row["estimate"]) if above or below else row["estimate"], 3)
        arm, other = (label(row[key].partition("/")[0]) for key in ("arm", "other"))
        interval = f"95 % 区间 {places(row['low'], 3)} 至 {places(row['high'], 3)}"
        yield f"{number}. **{arm} 相对于 {other}**：论文称{says}；此处{found}{size}（{interval}）。"
