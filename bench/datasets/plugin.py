"""The built-in plugin of datasets; importing it imports no data library."""

from __future__ import annotations

from bench import DatasetSpec, hookimpl
from bench.datasets.coveo import CoveoOptions
from bench.datasets.fashioniq import FashionIqOptions
from bench.datasets.mmsession import MmsessionOptions
from bench.datasets.qilin import QilinOptions
from bench.datasets.simulated.options import Options as SimulatedOptions
from bench.datasets.ubi import UbiOptions


@hookimpl
def bench_datasets() -> list[DatasetSpec]:
    """The simulated defaults, the released datasets, and a format that shops log in."""
    simulated = [
        DatasetSpec(
            name,
            "bench.datasets.simulated:make",
            f"simulated sessions with the statistics of the paper's {name.capitalize()}",
            "this project's shopper model, calibrated to Liu et al., KDD 2022, Table 1",
            options=SimulatedOptions,
        )
        for name in ("beauty", "clothes", "digital")
    ]
    return [
        *simulated,
        DatasetSpec(
            "pooled",
            "bench.datasets.simulated.pooled:make",
            "the simulated beauty, clothes and digital in one, for intents across domains",
            "this project's shopper model; pooled as in Liu et al., KDD 2022, section 4.6",
            options=SimulatedOptions,
        ),
        DatasetSpec(
            "mmsession",
            "bench.datasets.mmsession:make",
            "the sessions that MUVCOG's authors released",
            "Liu et al., KDD 2022; https://github.com/XMUDM/MMsession",
            options=MmsessionOptions,
            fetched=True,
            where="https://github.com/XMUDM/MMsession names them",
        ),
        DatasetSpec(
            "fashioniq",
            "bench.datasets.fashioniq:make",
            "real turns of feedback on fashion products; stand-in image vectors, sampled candidates",
            "Yuan & Lam, Conversational Fashion Image Retrieval via Multiturn Natural Language Feedback, SIGIR 2021; "
            "Wu et al., FashionIQ, CVPR 2021",
            options=FashionIqOptions,
            fetched=True,
            where="https://github.com/yfyuan01/MultiturnFashionRetrieval",
        ),
        DatasetSpec(
            "qilin",
            "bench.datasets.qilin:make",
            "searches for notes with pictures, in Chinese; image vectors from a file of one's own",
            "Chen et al., Qilin: A Multimodal Information Retrieval Dataset with APP-level User Sessions, SIGIR 2025",
            options=QilinOptions,
            fetched=True,
            where="https://github.com/RED-Search/Qilin names them",
        ),
        DatasetSpec(
            "coveo",
            "bench.datasets.coveo:make",
            "searches and clicks of a shop, texts and images as vectors; research only",
            "Tagliabue et al., SIGIR 2021 E-Commerce Workshop Data Challenge, SIGIR eCom 2021",
            options=CoveoOptions,
            fetched=True,
            where="https://github.com/coveooss/SIGIR-ecom-data-challenge names them, under its terms",
        ),
        DatasetSpec(
            "ubi",
            "bench.datasets.ubi:make",
            "your own log in the format of User Behavior Insights (OpenSearch, Elasticsearch, Solr)",
            "User Behavior Insights, schema 1.3.0; https://github.com/o19s/ubi",
            options=UbiOptions,
            fetched=True,
            where="the indices ubi_queries and ubi_events of a search engine, exported as JSON lines or Parquet",
        ),
    ]
